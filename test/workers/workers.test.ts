import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { openCluster } from '../../src/app/open-cluster.ts'
import type { Running } from '../../src/app/running.ts'
import type { Cluster } from '../../src/client/cluster.ts'
import type { Position } from '../../src/contracts/position.ts'
import type { MetricFamily } from '../../src/internal/metric.ts'
import { isEvertError } from '../../src/errors.ts'
import { committedCounts, upTo } from '../exactly-once/counting.ts'
import { changing } from './other-topology.ts'
import { counting, languages, latest, spokenIn, wordCounts, words } from './word-count.ts'

const module = new URL('word-count.ts', import.meta.url)
const WORDS = ['un', 'deux', 'trois', 'quatre'] as const

/** Appends each word `times` times, over seven keys; resolves to what was appended. */
async function appendWords(running: Running, times: number): Promise<Position[]> {
  const positions: Position[] = []
  for (let i = 0; i < times * WORDS.length; i++) {
    const { position } = await running.append(words, `k${i % 7}`, WORDS[i % WORDS.length] as string)
    positions.push(position)
  }
  return positions
}

async function untilCounted(times: number): Promise<void> {
  for (const word of WORDS) {
    await wordCounts.waitFor(word, row => row?.count === times, { timeoutMs: 30_000 })
  }
}

async function assertCountedOnce(cluster: Cluster, times: number): Promise<void> {
  const all = await committedCounts(cluster)
  for (const word of WORDS) assert.deepEqual(all.get(word), upTo(times), word)
}

/** Resolves when it is so, looking at every change. */
function until(running: Running, isSo: () => boolean): Promise<void> {
  return new Promise(resolve => {
    const look = (): void => {
      if (!isSo()) return
      stop()
      resolve()
    }
    const stop = running.onChange(look)
    look()
  })
}

/** What no change tells of. */
async function polled(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(resolve => setTimeout(resolve, 20))
}

const tasksOf = (running: Running): number[] => running.workers.map(({ tasks }) => tasks.length)

test('two workers share the tasks of one instance, and views read what they commit', async () => {
  await using cluster = await openCluster('memory:two-workers', { listener: {} })
  await using running = await counting.start({ cluster, workers: { count: 2, module } })
  await running.append(languages, 'k1', 'French')
  assert.deepEqual(
    running.workers.map(({ name }) => name),
    ['counting-1', 'counting-2'],
  )
  const positions = await appendWords(running, 30)
  // Read your own writes across the threads: the last of the 120 records has the key k0, the one before k6.
  const [beforeLast, last] = positions.slice(-2) as [Position, Position]
  assert.equal(await latest.get('k0', { minPosition: last }), 'quatre')
  assert.equal(await latest.get('k6', { minPosition: beforeLast }), 'trois')
  await untilCounted(30)
  const { rows, position } = await wordCounts.find({ isLong: true }, { orderBy: { word: 'asc' } })
  assert.deepEqual(rows, [
    { key: 'deux', value: { word: 'deux', count: 30, isLong: true } },
    { key: 'quatre', value: { word: 'quatre', count: 30, isLong: true } },
    { key: 'trois', value: { word: 'trois', count: 30, isLong: true } },
  ])
  assert.deepEqual(Object.keys(position), ['counting-counted-repartition'])
  await until(running, () => running.state === 'RUNNING' && tasksOf(running).every(count => count === 4))
  assert.equal((await spokenIn.waitFor('k1', language => language === 'French')).value, 'French')
  // 120 words and their copies behind the repartition, by the two of them.
  const processed = (): number[] =>
    running.workers.map(({ name: worker }) => {
      const isCount = (family: MetricFamily) =>
        family.group === 'stream-thread' && family.name === 'process-total'
      const sample = running
        .metrics()
        .find(isCount)
        ?.samples.find(({ labels }) => labels['worker'] === worker)
      return sample !== undefined && 'value' in sample ? sample.value : 0
    })
  await polled(() => processed().reduce((sum, each) => sum + each, 0) === 2 * 120)
  await running.close()
  assert.equal(running.failure, undefined)
  assert.equal(running.state, 'NOT_RUNNING')
  await assertCountedOnce(cluster, 30)
})

test('tasks move to workers that are added, and back with their state when one is removed', async () => {
  await using cluster = await openCluster('memory:moving-workers', { listener: {} })
  const restored: number[] = []
  await using running = await counting.start({
    cluster,
    workers: { count: 1, module },
    onRestore: (_task, { records }) => restored.push(records),
  })
  await assert.rejects(running.removeWorker(), /"counting-1" is the last worker/)
  await running.whenRunning()
  await appendWords(running, 10)
  await untilCounted(10)
  assert.equal(await running.addWorker(), 'counting-2')
  await until(running, () => tasksOf(running).join() === '4,4')
  await appendWords(running, 10)
  await untilCounted(20)
  await assert.rejects(
    running.removeWorker('counting-7'),
    /no worker "counting-7". Workers: counting-1, counting-2/,
  )
  assert.equal(await running.removeWorker('counting-1'), 'counting-1')
  await until(running, () => tasksOf(running).join() === '8')
  await appendWords(running, 10)
  await untilCounted(30)
  assert.equal(await running.addWorker(), 'counting-1')
  await until(running, () => tasksOf(running).join() === '4,4')
  await running.close()
  await assertCountedOnce(cluster, 30)
  // The state was where the next worker found it.
  assert.ok(Math.max(0, ...restored) <= 10, `${restored.join()} records were restored`)
})

test('paused workers keep their tasks, one that is added is paused too, and all go on together', async () => {
  await using running = await counting.start({ cluster: 'memory:', workers: { count: 1, module } })
  await appendWords(running, 1)
  await untilCounted(1)
  running.pause()
  const positions = await appendWords(running, 1)
  await running.addWorker()
  await until(running, () => tasksOf(running).join() === '4,4')
  const minPosition = positions.at(-1) as Position
  await assert.rejects(latest.get('k3', { minPosition, timeoutMs: 500 }), each =>
    isEvertError(each, 'TIMEOUT'),
  )
  running.resume()
  await untilCounted(2)
})

test('the state of workers outlives them, also for a start without workers', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'evert-workers-'))
  await using cluster = await openCluster('memory:staying', { listener: {} })
  const restored: number[] = []
  const options = {
    cluster,
    stateDir,
    onRestore: (_: string, { records }: { records: number }) => restored.push(records),
  }
  for (const [index, workers] of [{ count: 2, module }, undefined, { count: 3, module }].entries()) {
    await using running = await counting.start({ ...options, ...(workers !== undefined && { workers }) })
    if (index > 0) {
      // Before anything is appended: what is read was committed by the run before.
      assert.equal((await wordCounts.get('un'))?.count, index * 10)
    }
    await appendWords(running, 10)
    await untilCounted((index + 1) * 10)
  }
  assert.ok(existsSync(join(stateDir, 'counting', 'workers', '2', 'global')))
  await assertCountedOnce(cluster, 30)
  assert.equal(Math.max(0, ...restored), 0)
})

for (const { word, failure } of [
  { word: 'poison', failure: /no such word/ },
  { word: 'exit', failure: /The thread of worker counting-\d ended with status 3/ },
  { word: 'aside', failure: /thrown aside/ },
]) {
  test(`a worker that fails ends the application: ${word}`, async () => {
    await using cluster = await openCluster(`memory:${word}`, { listener: {} })
    const told: Error[] = []
    const running = await counting.start({
      cluster,
      workers: { count: 2, module },
      onFailure: error => told.push(error),
    })
    await appendWords(running, 2)
    await untilCounted(2)
    await running.append(words, 'k0', word)
    await running.whenEnded()
    await running.close()
    assert.equal(running.state, 'ERROR')
    assert.match(String(running.failure?.message), failure)
    assert.deepEqual(told, [running.failure])
    assert.equal(isEvertError(running.failure, 'TASK_FAILED'), word === 'poison')
    await assert.rejects(wordCounts.get('un'), error => isEvertError(error, 'NOT_READY'))
    await assertCountedOnce(cluster, 2)
  })
}

test('a worker that hangs is ended when the time of a close is up', async () => {
  await using cluster = await openCluster('memory:hanging', { listener: {} })
  const running = await counting.start({ cluster, workers: { count: 2, module } })
  await appendWords(running, 2)
  await untilCounted(2)
  const hanging = new BroadcastChannel('hanging')
  const hangs = once(hanging, 'message')
  await running.append(words, 'k0', 'hang')
  await hangs
  hanging.close()
  const startedMs = performance.now()
  await running.close({ timeoutMs: 300 })
  assert.ok(performance.now() - startedMs < 10_000)
  assert.equal(running.state, 'NOT_RUNNING')
  await assertCountedOnce(cluster, 2)
})

test('a module that starts the application itself runs as the main thread and as each worker', async () => {
  const file = join(import.meta.dirname, 'starts-itself.ts')
  const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=evert-source', file])
  // The function of onError is the worker's own.
  assert.equal(stdout, 'started true\nsum 6 1 0\n')
})

test('what workers cannot run is refused with the reason', async () => {
  const start = (options: Partial<Parameters<typeof counting.start>[0]>) =>
    counting.start({ cluster: 'memory:', workers: { count: 1, module }, ...options })
  await assert.rejects(start({ store: 'memory' }), /Workers cannot have their state in memory/)
  await assert.rejects(start({ onError: () => 'skip' }), /must call start itself, with that option/)
  await assert.rejects(
    start({ workers: { count: 1, module: new URL('other-topology.ts', import.meta.url) } }),
    /declares no application "counting"/,
  )
  await assert.rejects(
    start({ workers: { count: 1, module: new URL('nowhere.ts', import.meta.url) } }),
    /"workers\.module" of start names file:.*nowhere\.ts, and there is no such file/,
  )
  await using silent = await openCluster('memory:silent')
  await assert.rejects(start({ cluster: silent }), /does not listen: open it with \{ listener: \{\} \}/)
  await assert.rejects(
    changing.start({
      cluster: 'memory:',
      workers: { count: 1, module: new URL('other-topology.ts', import.meta.url) },
    }),
    error => isEvertError(error, 'INVALID_TOPOLOGY') && /another topology in a worker/.test(error.message),
  )
  await using running = await counting.start({ cluster: 'memory:' })
  assert.throws(() => running.addWorker(), /Start it with \{ workers: \{ count, module \} \}/)
  assert.deepEqual(running.workers, [])
})
