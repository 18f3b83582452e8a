import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTopics } from '../../src/client/admin.ts'
import { Producer } from '../../src/client/producer.ts'
import { int64 } from '../../src/contracts/codecs.ts'
import { EvertError } from '../../src/errors.ts'
import { type Application, startApplication } from '../../src/streams/runtime/application.ts'
import type { StateEngine, TaskState } from '../../src/streams/state/byte-store.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import { decodeStored } from '../../src/streams/state/stored-value.ts'
import { committedCounts, countingTopology, upTo, words } from './counting.ts'
import { seededRandom } from '../../src/internal/random.ts'
import { openFaultyLog } from './faulty-log.ts'

const RECORDS = 1_500
const WORDS = 20
/** Which faults hit is a matter of timing: they are counted over all runs. */
const totals = { faults: 0, refusals: 0, crashes: 0 }

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`lost requests, failing disks and crashes leave every count exactly once (seed ${seed})`, async () => {
    const random = seededRandom(seed)
    await using log = await openFaultyLog(random)
    await createTopics(log.cluster, [{ name: words.name, partitions: words.partitions }])

    const engine = new MemoryEngine()
    let isFaulty = true
    let crashes = 0
    const expected = new Map<string, number>()
    const writing = writeWords()

    let running: Application | undefined
    const deadline = performance.now() + 60_000
    while (!(await isComplete())) {
      assert.ok(performance.now() < deadline, `not complete after ${crashes} crashes`)
      running ??= await start()
      await new Promise(resolve => setTimeout(resolve, 20 + random() * 60))
      // Everything else is got over without an end.
      if (running?.failure !== undefined) assert.match(running.failure.message, /The disk refused a commit/)
      if (running?.state === 'ERROR' || (isFaulty && random() < 0.3)) {
        await running?.abandon()
        await engine.close()
        running = undefined
        crashes++
      }
    }
    await writing
    await running?.abandon()
    await engine.close()
    // The state may be behind its changelog by a commit that the disk refused: the next start catches up.
    isFaulty = false
    running = (await start()) as Application
    await running.whenRunning()
    await running.close()
    totals.faults += log.faults
    totals.refusals += log.refusals
    totals.crashes += crashes

    const found = await committedCounts(log.cluster)
    for (const [word, count] of expected) assert.deepEqual(found.get(word), upTo(count), word)
    assert.deepEqual(await stored(), expected)

    async function start(): Promise<Application | undefined> {
      const cluster = log.faultyCluster(() => (isFaulty ? 0.02 : 0))
      const state = failing(engine, () => isFaulty && random() < 0.03)
      try {
        return await startApplication({
          topology: countingTopology('counting'),
          cluster,
          engine: state,
          commitIntervalMs: 10,
        })
      } catch (error) {
        assert.ok(error instanceof EvertError, String(error))
        return undefined
      }
    }

    async function writeWords(): Promise<void> {
      await using producer = new Producer(log.cluster)
      for (let i = 0; i < RECORDS; i++) {
        const word = `word-${Math.floor(random() * WORDS)}`
        expected.set(word, (expected.get(word) ?? 0) + 1)
        producer.append(words.name, undefined, 1_000 + i, Buffer.from(`key-${i}`), Buffer.from(word), [])
        if (i % 50 === 0) await new Promise(resolve => setTimeout(resolve, 15))
      }
      await producer.flush()
      isFaulty = random() < 0.5
    }

    async function isComplete(): Promise<boolean> {
      let sum = 0
      try {
        for (const list of (await committedCounts(log.cluster)).values()) sum += list.length
      } catch (error) {
        // The output topic is made by the application.
        assert.ok(error instanceof EvertError, String(error))
      }
      return sum >= RECORDS
    }

    /** What is left in the stores after a clean close. */
    async function stored(): Promise<Map<string, number>> {
      const all = new Map<string, number>()
      for (const id of engine.tasks()) {
        const task = engine.openTask(id)
        for (const [key, bytes] of task.store('counted').range())
          all.set(key, decodeStored(bytes, int64).value)
        await task.close()
      }
      return new Map([...expected.keys()].map(word => [word, all.get(word) ?? 0]))
    }
  })
}

test('the runs above had faults of every kind', () => {
  for (const [kind, count] of Object.entries(totals)) assert.ok(count > 0, kind)
})

/** An engine whose commits fail now and then: after the log has committed, before the state has. */
function failing(engine: StateEngine, isFailing: () => boolean): StateEngine {
  return {
    name: engine.name,
    instanceId: engine.instanceId,
    rewindId: engine.rewindId,
    openTask: id => failingTask(engine.openTask(id), isFailing),
    isOpen: id => engine.isOpen(id),
    dropTask: id => engine.dropTask(id),
    tasks: () => engine.tasks(),
    close: () => engine.close(),
  }
}

function failingTask(task: TaskState, isFailing: () => boolean): TaskState {
  return {
    maxKeyBytes: task.maxKeyBytes,
    prefersSortedWrites: task.prefersSortedWrites,
    store: name => task.store(name),
    metadata: name => task.metadata(name),
    commit(writes, metadata) {
      if (isFailing()) throw new EvertError('DISK', 'The disk refused a commit.')
      task.commit(writes, metadata)
    },
    close: () => task.close(),
  }
}
