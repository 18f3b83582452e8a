import assert from 'node:assert/strict'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import type { StoreDeclaration } from '../../src/streams/processors/store-declaration.ts'
import { TaskCounts } from '../../src/streams/runtime/record-counts.ts'
import type { ErrorPolicy } from '../../src/streams/processors/error-policy.ts'
import { Task } from '../../src/streams/runtime/task.ts'
import type { StateEngine } from '../../src/streams/state/byte-store.ts'
import { TaskStores } from '../../src/streams/state/task-stores.ts'
import { singleRecord } from '../../src/testing/single-record.ts'

const input = topic('in', { key: string, value: string })
const TASK = '0_0'

interface Logged {
  readonly key: string
  readonly value: Buffer | null
  readonly timestamp: number
}

/**
 * One task with one processor that has one store. Every call of `run` is a record whose processing calls the function
 * with the store; between records the task commits, forgets, restarts, or moves to an empty engine.
 */
export class StoreHarness<S> {
  readonly #subTopology
  readonly #onError: ErrorPolicy
  readonly #counts = new TaskCounts()
  readonly #changelogs = new Map<string, Logged[]>()
  #written: [string, Logged][] = []
  #engine: StateEngine
  #stores!: TaskStores
  #task!: Task
  #action: (store: S) => void = () => {}
  #offset = 0

  constructor(declaration: StoreDeclaration<S>, engine: StateEngine, onError: ErrorPolicy = 'fail') {
    const builder = new StreamsBuilder()
    builder.stream(input).process({
      stores: { store: declaration },
      create:
        ({ stores }) =>
        () =>
          this.#action(stores.store),
    })
    const [subTopology] = builder.build('test').subTopologies
    assert.ok(subTopology !== undefined)
    this.#subTopology = subTopology
    this.#onError = onError
    this.#engine = engine
    this.#open()
  }

  run<R>(timestamp: number, action: (store: S) => R): R {
    let result: R | undefined
    this.#action = store => {
      result = action(store)
    }
    const offset = this.#offset++
    const record = { offset, timestamp, key: Buffer.from('k'), value: Buffer.from('v'), headers: [] }
    this.#task.enqueue({
      topic: input.name,
      partition: 0,
      batches: [singleRecord(record)],
      fromOffset: offset,
      nextOffset: offset + 1,
    })
    this.#task.process(1)
    return result as R
  }

  /** Why records were dropped so far, and how many for each reason. */
  get dropped(): Record<string, number> {
    return Object.fromEntries(this.#counts.dropped(TASK).map(({ reason, count }) => [reason, count]))
  }

  /** What the changelog of a store has so far, tombstones as null. */
  changelog(store: string): readonly Logged[] {
    return this.#changelogs.get(store) ?? []
  }

  commit(): void {
    this.#written = []
    this.#stores.writeChangelog({
      collect: (name, _partition, timestamp, key, value) => {
        const copy = value === null ? null : Buffer.from(value)
        this.#written.push([name, { key: (key as Buffer).toString('latin1'), value: copy, timestamp }])
      },
    })
    this.#stores.commit({})
    for (const [name, record] of this.#written) {
      const log = this.#changelogs.get(name)
      if (log === undefined) this.#changelogs.set(name, [record])
      else log.push(record)
    }
  }

  /** Forgets what is not committed. */
  rollback(): void {
    this.#stores.abort()
    this.#makeTask()
  }

  async restart(): Promise<void> {
    await this.#stores.close()
    this.#open()
  }

  /** Goes on where there is no state yet: it comes from the changelogs. */
  async moveTo(engine: StateEngine): Promise<void> {
    await this.#stores.close()
    this.#engine = engine
    this.#open()
    for (const { name } of this.#subTopology.stores) {
      const log = this.changelog(name)
      if (log.length > 0) this.#stores.restore(name, log, {})
    }
    this.#makeTask()
  }

  async close(): Promise<void> {
    await this.#stores.close()
  }

  #open(): void {
    this.#stores = new TaskStores(this.#engine.openTask(TASK), { cachedValues: 16 })
    for (const { name, value, changelog } of this.#subTopology.stores) {
      const isLogged = changelog !== undefined
      this.#stores.open({ name, value, changelog: isLogged ? { topic: name, partition: 0 } : undefined })
    }
    this.#makeTask()
  }

  #makeTask(): void {
    this.#task = new Task({
      subTopology: this.#subTopology,
      partition: 0,
      stores: this.#stores,
      collector: { collect() {} },
      onError: this.#onError,
      counts: this.#counts,
    })
  }
}
