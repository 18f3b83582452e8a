import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { int64, string } from '../contracts/codecs.ts'
import { topic } from '../contracts/topic.ts'
import { isEvertError } from '../errors.ts'
import { app } from './app.ts'
import { openCluster } from './open-cluster.ts'

const numbers = topic('numbers', { key: string, value: int64, partitions: 1 })

function failing(id: string) {
  const built = app(id)
  const view = built
    .stream(numbers)
    .map(n => {
      if (n === 3) throw new RangeError('boom in user code')
      return n
    })
    .groupByKey()
    .count()
    .view('counts')
  return { built, view }
}

test('views and append quote the failure of their application', async () => {
  await using cluster = await openCluster('memory:quoted')
  const { built, view } = failing('quoted')
  const running = await built.start({ cluster, onFailure() {} })
  const waiting = view.waitFor('k', count => count === 9)
  const quotes = (error: unknown): boolean => {
    assert.ok(isEvertError(error, 'NOT_READY'), String(error))
    assert.match(
      error.message,
      /^The application "quoted" failed: .*: boom in user code\. Correct the function/,
    )
    assert.equal(error.cause, running.failure)
    return true
  }
  const waited = assert.rejects(waiting, quotes)
  await running.append(numbers, 'k', 3)
  await running.whenEnded()
  await running.close()
  await waited
  await assert.rejects(view.get('k'), quotes)
  await assert.rejects(running.append(numbers, 'k', 4), quotes)

  // What answers again does not remember it.
  const again = await built.start({ cluster, onError: 'skip' })
  assert.equal(await view.get('k'), undefined)
  await again.close()
  await assert.rejects(view.get('k'), /has no running application behind it/)
  await assert.rejects(again.append(numbers, 'k', 4), error => isEvertError(error, 'CLOSED'))
})

test('the warning of a failure has the stack of what was thrown', async () => {
  await using cluster = await openCluster('memory:warned')
  const running = await failing('warned').built.start({ cluster })
  const warned = once(process, 'warning')
  await running.append(numbers, 'k', 3)
  const [warning] = (await warned) as [Error & { detail?: string }]
  assert.equal(warning.message, running.failure?.message)
  assert.match(warning.detail ?? '', /RangeError: boom in user code\n\s+at .*failed\.test\.ts/)
  await running.close()
})
