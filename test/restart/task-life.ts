import assert from 'node:assert/strict'
import { ManualClock } from '../../src/internal/clock.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import type { SubTopology } from '../../src/streams/graph/topology.ts'
import type { Windowed } from '../../src/streams/processors/windowed-key.ts'
import type { RecordCollector } from '../../src/streams/state/record-collector.ts'
import type { ErrorPolicy } from '../../src/streams/processors/error-policy.ts'
import { Task } from '../../src/streams/runtime/task.ts'
import type { ByteString, StateEngine } from '../../src/streams/state/byte-store.ts'
import type { KeyValueStore } from '../../src/streams/state/store.ts'
import { TaskStores } from '../../src/streams/state/task-stores.ts'
import { singleRecord } from '../../src/testing/single-record.ts'

/** A record of the topic `in`. */
export type Input = readonly [key: string, value: string | null, timestamp: number]

/** A task on stores and a wall clock that outlive it, and what it wrote and committed. */
export class Life {
  readonly #subTopology: SubTopology
  readonly #engine: StateEngine
  readonly #onError: ErrorPolicy
  /** The latest of each changelog: store, key and value as logged. */
  readonly changelog = new Map<string, { store: string; key: ByteString; value: Buffer; timestamp: number }>()
  readonly committed: string[] = []
  readonly #clock = new ManualClock(1_000_000)
  #pending: string[] = []
  #stores: TaskStores
  #task: Task

  constructor(subTopology: SubTopology, engine: StateEngine, onError: ErrorPolicy = 'fail') {
    this.#subTopology = subTopology
    this.#engine = engine
    this.#onError = onError
    this.#stores = this.#open()
    this.#task = this.#start()
  }

  process(offset: number, record: Input): void {
    this.enqueue(offset, record)
    this.take()
  }

  enqueue(offset: number, [key, value, timestamp]: Input): void {
    const record = {
      offset,
      timestamp,
      key: Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      headers: [{ key: 'at', value: Buffer.from(String(offset)) }],
    }
    const batches = [singleRecord(record)]
    this.#task.enqueue({ topic: 'in', partition: 0, batches, fromOffset: offset, nextOffset: offset + 1 })
  }

  /** Processes what waits first. */
  take(): void {
    this.#task.process(1)
  }

  /** Moves the wall clock on. */
  pass(ms: number): void {
    this.#clock.advance(ms)
    this.#task.punctuate()
  }

  commit(): void {
    this.#stores.writeChangelog(this.#logged())
    this.#stores.commit({})
    this.committed.push(...this.#pending.splice(0))
  }

  /** What is not committed is lost. */
  async crash(): Promise<void> {
    this.#pending = []
    await this.#stores.close()
    this.#stores = this.#open()
    this.#task = this.#start()
  }

  /** The disk is lost as well: state comes back from the changelogs. */
  async restoreOnNewDisk(): Promise<void> {
    this.#pending = []
    await this.#stores.close()
    await this.#engine.dropTask('0_0')
    this.#stores = this.#open()
    for (const { store, ...record } of this.changelog.values()) this.#stores.restore(store, [record], {})
    this.#task = this.#start()
  }

  /** Every row of every store. */
  rows(): string[] {
    return this.#subTopology.stores.flatMap(({ name }) => {
      const store: KeyValueStore<unknown> = this.#stores.keyValue(name)
      return Array.from(store.range(), ([key, row]) => `${name} ${JSON.stringify([key, row])}`)
    })
  }

  /** The rows of a store of windows. */
  windows(name: string) {
    const definition = this.#subTopology.stores.find(store => store.name === name)
    const store: KeyValueStore<unknown> = this.#stores.keyValue(name)
    return Array.from(store.range(), ([key, row]) => ({
      ...(definition?.key.decode(Buffer.from(key, 'latin1')) as Windowed<string>),
      ...row,
    }))
  }

  async close(): Promise<void> {
    await this.#stores.close()
  }

  #open(): TaskStores {
    const stores = new TaskStores(this.#engine.openTask('0_0'))
    for (const { name, value } of this.#subTopology.stores) {
      stores.open({ name, value, changelog: { topic: name, partition: 0 } })
    }
    return stores
  }

  #start(): Task {
    const collect: RecordCollector['collect'] = (_topic, _partition, timestamp, key, value, headers) => {
      const texts = headers.map(header => String(header.value))
      this.#pending.push(`${String(key)}=${String(value)}@${timestamp} [${texts.join()}]`)
    }
    return new Task({
      subTopology: this.#subTopology,
      partition: 0,
      stores: this.#stores,
      collector: { collect },
      onError: this.#onError,
      nowMs: () => this.#clock.nowMs(),
    })
  }

  #logged(): RecordCollector {
    return {
      collect: (store, _partition, timestamp, key, value) => {
        const at = (key as Buffer).toString('latin1')
        if (value === null) this.changelog.delete(`${store} ${at}`)
        else this.changelog.set(`${store} ${at}`, { store, key: at, value: Buffer.from(value), timestamp })
      },
    }
  }
}

/** The only one of the topology. */
export function subTopologyOf(define: (builder: StreamsBuilder) => void): SubTopology {
  const builder = new StreamsBuilder()
  define(builder)
  const [subTopology] = builder.build('app').subTopologies
  assert.ok(subTopology !== undefined)
  return subTopology
}
