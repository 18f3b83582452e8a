import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { app } from '../../src/app/app.ts'
import { covers } from '../../src/contracts/position.ts'
import { committedCounts, counts, words } from './counting.ts'
import { seededRandom } from '../../src/internal/random.ts'
import { openFaultyLog } from './faulty-log.ts'

/** Far more than a close that gives up after CLOSE_MS needs, far less than retries go on without that. */
const LIMIT_MS = 8_000
const CLOSE_MS = 100

function counting(onWord: () => void = () => {}) {
  const built = app('closing')
  built
    .stream(words)
    .map(word => {
      onWord()
      return word
    })
    .groupByKey()
    .count({ store: 'counted' })
    .toStream()
    .to(counts)
  return built
}

for (const guarantee of ['exactly_once', 'at_least_once'] as const) {
  test(`close ends without the cluster, and the next start goes on from the last commit (${guarantee})`, async () => {
    await using log = await openFaultyLog(seededRandom(7))
    const stateDir = mkdtempSync(join(tmpdir(), 'evert-close-'))
    let isAway = false
    const warnings: string[] = []
    const seen = new EventTarget()
    const running = await counting(() => seen.dispatchEvent(new Event('word'))).start({
      cluster: log.faultyCluster(() => (isAway ? 1 : 0)),
      stateDir,
      guarantee,
      commitIntervalMs: 600_000,
      logger: { info() {}, warn: message => warnings.push(message) },
    })
    await running.whenRunning()
    const processed = once(seen, 'word')
    await running.append(words, 'a', 'one')
    await processed
    isAway = true
    const startedMs = performance.now()
    await running.close({ timeoutMs: CLOSE_MS })
    const tookMs = performance.now() - startedMs
    assert.ok(tookMs >= CLOSE_MS && tookMs < LIMIT_MS, `close took ${tookMs} ms`)
    assert.equal(running.state, 'NOT_RUNNING')
    assert.equal(running.failure, undefined)
    assert.equal(
      warnings.filter(each => each.includes('"closing" is closed without its last commit')).length,
      1,
    )

    // The same state directory is the same transactional id: its open transaction is aborted by the new producer.
    await using again = await counting().start({ cluster: log.cluster, stateDir, guarantee })
    const { position } = await again.append(words, 'a', 'two')
    while (!covers(again.position(), position)) await change(again)
    const found = (await committedCounts(log.cluster)).get('a')
    if (guarantee === 'exactly_once') assert.deepEqual(found, [1, 2])
    else assert.ok((found?.at(-1) ?? 0) >= 2, `counts: ${found?.join()}`)
  })
}

test('an application that fails while the cluster is away can be closed', async () => {
  await using log = await openFaultyLog(seededRandom(8))
  let isAway = false
  const failures: Error[] = []
  const running = await counting(() => {
    isAway = true
    throw new RangeError('no such word')
  }).start({
    cluster: log.faultyCluster(() => (isAway ? 1 : 0)),
    store: 'memory',
    onFailure: error => failures.push(error),
  })
  await running.whenRunning()
  await running.append(words, 'a', 'one')
  while (running.state !== 'ERROR') await change(running)
  const startedMs = performance.now()
  await running.close({ timeoutMs: CLOSE_MS })
  const tookMs = performance.now() - startedMs
  assert.ok(tookMs < LIMIT_MS, `close took ${tookMs} ms`)
  await running.whenEnded()
  assert.match(running.failure?.message ?? '', /no such word/)
  assert.deepEqual(failures, [running.failure])
})

function change(running: { onChange(listener: () => void): () => void }): Promise<void> {
  return new Promise(resolve => {
    const stop = running.onChange(() => {
      stop()
      resolve()
    })
  })
}
