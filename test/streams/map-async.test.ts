import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { app } from '../../src/app/app.ts'
import { openCluster } from '../../src/app/open-cluster.ts'
import { createTopics } from '../../src/client/admin.ts'
import { Producer } from '../../src/client/producer.ts'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { isEvertError } from '../../src/errors.ts'
import { deferred } from '../../src/internal/deferred.ts'
import type { MapAsyncOptions } from '../../src/streams/dsl/map-async.ts'
import type { AsyncRecordContext } from '../../src/streams/processors/async-call.ts'
import { moveTasksWithCalls } from '../partitions/moving-calls.ts'

const TIMEOUT = { timeoutMs: 10_000 }
const questions = topic('questions', { key: string, value: string, partitions: 1 })

type Mapper = (value: string, key: string, record: AsyncRecordContext) => Promise<string>

/** Answers questions; the latest answer of each key is a view. */
function answering(mapper: Mapper, options: MapAsyncOptions<string> = {}) {
  const application = app('answering')
  const answers = application
    .stream(questions)
    .mapAsync(mapper, { name: 'answer', value: string, ...options })
    .toTable({ store: 'answers' })
    .view('answers')
  return { application, answers }
}

for (const guarantee of ['exactly_once', 'at_least_once'] as const) {
  test(`a read of one’s own write waits for the result of its call (${guarantee})`, async () => {
    const release = deferred<string>()
    const { application, answers } = answering(() => release.promise)
    await using running = await application.start({
      cluster: 'memory:own-writes',
      commitIntervalMs: 5,
      guarantee,
    })
    const { position } = await running.append(questions, 'a', '?')
    await assert.rejects(
      () => answers.get('a', { minPosition: position, timeoutMs: 100 }),
      error => isEvertError(error, 'TIMEOUT'),
    )
    const reading = answers.get('a', { minPosition: position, ...TIMEOUT })
    release.resolve('!')
    assert.equal(await reading, '!')
  })
}

test('a call that hangs holds back no commit and no other key', async () => {
  const { application, answers } = answering((value, key) =>
    key === 'slow' ? new Promise(() => {}) : Promise.resolve(value),
  )
  await using running = await application.start({ cluster: 'memory:slow', commitIntervalMs: 5 })
  await running.append(questions, 'slow', '1')
  for (const value of ['1', '2', '3']) {
    await running.append(questions, 'fast', value)
    await answers.waitFor('fast', answer => answer === value, TIMEOUT)
  }
})

test('a result goes on when it is there, not when somebody looks', async () => {
  const { application, answers } = answering(async value => {
    await new Promise(resolve => setTimeout(resolve, 20))
    return value
  })
  await using running = await application.start({ cluster: 'memory:wake', commitIntervalMs: 5 })
  await running.whenRunning()
  const begin = performance.now()
  for (let i = 0; i < 20; i++) {
    await running.append(questions, 'a', `${i}`)
    await answers.waitFor('a', answer => answer === `${i}`, TIMEOUT)
  }
  // An idle worker looks for work by itself every 500 ms.
  assert.ok(performance.now() - begin < 20 * 250)
})

test('a rejected call stops the application; the next start calls again and goes on', async () => {
  await using cluster = await openCluster('memory:rejected')
  const failing = answering(() => Promise.reject(new Error('out of order')))
  const first = await failing.application.start({ cluster, commitIntervalMs: 5, onFailure: () => {} })
  await first.append(questions, 'a', '1')
  await first.whenEnded()
  assert.equal(first.state, 'ERROR')
  assert.match(first.failure?.message ?? '', /of questions-0, offset 0, in node answer: out of order\./)
  const { application, answers } = answering(async value => `${value}!`)
  await using _second = await application.start({ cluster, commitIntervalMs: 5 })
  await answers.waitFor('a', answer => answer === '1!', TIMEOUT)
})

for (const store of ['memory', 'lmdb'] as const) {
  test(`closing aborts calls under way, and the next start makes them again (${store})`, async t => {
    const stateDir = mkdtempSync(join(tmpdir(), 'evert-calls-'))
    t.after(() => rmSync(stateDir, { recursive: true, force: true }))
    await using cluster = await openCluster('memory:closing')
    const start = { cluster, store, commitIntervalMs: 5, ...(store === 'lmdb' ? { stateDir } : {}) }
    const called = deferred<AbortSignal>()
    const first = answering((value, key, { signal }) => {
      if (key === 'done') return Promise.resolve(value)
      called.resolve(signal)
      return new Promise(() => {})
    })
    const running = await first.application.start(start)
    await running.append(questions, 'a', '1')
    await running.append(questions, 'a', '2')
    await running.append(questions, 'done', '3')
    await first.answers.waitFor('done', answer => answer === '3', TIMEOUT)
    const signal = await called.promise
    assert.equal(signal.aborted, false)
    await running.close()
    assert.ok(isEvertError(signal.reason, 'CLOSED'))

    const again: string[] = []
    const second = answering(async value => {
      again.push(value)
      return value
    })
    await using _running = await second.application.start(start)
    await second.answers.waitFor('a', answer => answer === '2', TIMEOUT)
    assert.deepEqual(again, ['1', '2'])
  })
}

test('ten thousand calls of 5 ms, 64 at a time', async () => {
  const RECORDS = 10_000
  let calls = 0
  let underWay = 0
  let most = 0
  const { application, answers } = answering(
    async value => {
      calls++
      most = Math.max(most, ++underWay)
      await new Promise(resolve => setTimeout(resolve, 5))
      underWay--
      return value
    },
    { concurrency: 64 },
  )
  await using cluster = await openCluster('memory:throughput')
  await createTopics(cluster, [{ name: questions.name, partitions: 1 }])
  await using producer = new Producer(cluster)
  for (let i = 0; i < RECORDS; i++) {
    producer.append(questions.name, undefined, i, Buffer.from(`k${i}`), Buffer.from(`${i}`), [])
  }
  await producer.flush()
  const begin = performance.now()
  await using _running = await application.start({ cluster })
  const position = { questions: { 0: RECORDS } }
  await answers.get('k0', { minPosition: position, timeoutMs: 30_000 })
  const tookMs = performance.now() - begin
  assert.equal(await answers.get(`k${RECORDS - 1}`), `${RECORDS - 1}`)
  assert.equal(calls, RECORDS)
  assert.equal(most, 64)
  // One after the other it takes 50 s; 64 at a time at least 0.8 s.
  assert.ok(tookMs < 25_000, `${tookMs} ms`)
})

test('tasks that move between instances take their pending calls along', async () => {
  await using cluster = await openCluster('memory:moving')
  await moveTasksWithCalls(cluster)
})
