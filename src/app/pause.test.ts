import assert from 'node:assert/strict'
import { test } from 'node:test'
import { int64, string } from '../contracts/codecs.ts'
import { topic } from '../contracts/topic.ts'
import { isEvertError } from '../errors.ts'
import { app } from './app.ts'

const numbers = topic('numbers', { key: string, value: int64, partitions: 2 })

test('a paused application keeps its tasks and answers, and goes on where it stopped', async () => {
  const built = app('pausing')
  const punctuated: number[] = []
  const sums = built
    .stream(numbers)
    .processValues({
      create: ({ forward, schedule }) => {
        schedule(20, 'wall', now => void punctuated.push(now))
        return value => forward(value)
      },
    })
    .groupByKey()
    .reduce((sum, value) => sum + value)
    .view('sums')
  await using running = await built.start({ cluster: 'memory:pausing' })
  const first = await running.append(numbers, 'a', 1)
  assert.equal(await sums.get('a', { timeoutMs: 5000 }).then(() => 'answers'), 'answers')
  await sums.waitFor('a', sum => sum === 1)

  running.pause()
  assert.equal(running.isPaused, true)
  const { position } = await running.append(numbers, 'a', 10)
  // Whatever is done in a turn that was under way is committed by now.
  await assert.rejects(sums.get('a', { minPosition: position, timeoutMs: 400 }), error =>
    isEvertError(error, 'TIMEOUT'),
  )
  const calls = punctuated.length
  assert.equal(await sums.get('a', { minPosition: first.position }), 1)
  assert.equal(running.state, 'RUNNING')
  assert.equal(punctuated.length, calls)

  running.resume()
  assert.equal(await sums.get('a', { minPosition: position }), 11)
  assert.equal(running.isPaused, false)
})
