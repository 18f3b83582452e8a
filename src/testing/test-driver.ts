import type { Topic } from '../contracts/topic.ts'
import { EvertError } from '../errors.ts'
import { ManualClock } from '../internal/clock.ts'
import type { RecordHeader } from '../records/record-batch.ts'
import type { View } from '../streams/dsl/view.ts'
import type { StreamsBuilder } from '../streams/dsl/streams-builder.ts'
import type { GlobalTable, StoreDefinition, SubTopology, Topology } from '../streams/graph/topology.ts'
import { globalRow } from '../streams/runtime/global-row.ts'
import type { RecordCollector } from '../streams/runtime/record-collector.ts'
import {
  type DroppedRecords,
  type OutOfOrderRecords,
  RecordCounts,
} from '../streams/runtime/record-counts.ts'
import type { AsyncCall } from '../streams/processors/async-call.ts'
import { CallRunner, type EndedCall } from '../streams/runtime/call-runner.ts'
import { Task } from '../streams/runtime/task.ts'
import type { ErrorPolicy } from '../streams/runtime/task-options.ts'
import type { KeyValueStore } from '../streams/state/store.ts'
import { storesByName } from '../streams/state/window-rows.ts'
import { freezing } from './deep-freeze.ts'
import { DriverStore } from './driver-stores.ts'
import { Scenario, type TopicRecord } from './scenario.ts'
import { type RawRecord, singleRecord } from './single-record.ts'
import { storeNameOf, type StoredRow } from './stored-rows.ts'

export interface TestDriverOptions {
  /** Prefix of the internal topics. Default `test`. */
  readonly applicationId?: string
  /** Where the driver's wall clock begins. Default 0. */
  readonly startMs?: number
  readonly onError?: ErrorPolicy
}

export interface InputRecord<K, V> {
  readonly key: K | null
  readonly value: V | null
  /** Default: the driver's wall clock. */
  readonly timestamp?: number
  readonly headers?: readonly RecordHeader[]
}

export interface OutputRecord<K, V> {
  readonly key: K | null
  readonly value: V | null
  readonly timestamp: number
  readonly headers: readonly RecordHeader[]
}

/**
 * Runs a topology without a log (Kafka Streams: TopologyTestDriver): one partition per topic, one record at a time,
 * everything that it causes done when `send` returns. Values that the topology decodes or stores are frozen, so that
 * a function that mutates a shared value throws.
 *
 * @example
 * const driver = testDriver(builder)
 * driver.send(orders, { key: '1', value: order, timestamp: 5 })
 * assert.deepEqual(driver.read(newOrders), [{ key: '1', value: order, timestamp: 5, headers: [] }])
 */
export function testDriver(
  source: StreamsBuilder | { topology(): Topology },
  options: TestDriverOptions = {},
): TestDriver {
  const topology = 'build' in source ? source.build(options.applicationId ?? 'test') : source.topology()
  return new TestDriver(topology, options)
}

export class TestDriver {
  readonly #clock: ManualClock
  readonly #counts = new RecordCounts()
  readonly #tasks: Task[] = []
  readonly #readers = new Map<string, Task[]>()
  readonly #stores = new Map<string, { definition: StoreDefinition; store: KeyValueStore<unknown> }>()
  readonly #globalTables: { readonly table: GlobalTable; readonly store: KeyValueStore<unknown> }[] = []
  readonly #outputs = new Map<string, RawRecord[]>()
  readonly #pending: { topic: string; record: RawRecord }[] = []
  readonly #endOffsets = new Map<string, number>()
  readonly #internalTopics: ReadonlySet<string>
  readonly #topics: Topology['topics']
  readonly #views: Topology['views']
  readonly #calls: CallRunner
  #onCallDone: () => void = () => {}

  constructor(topology: Topology, options: TestDriverOptions) {
    this.#topics = topology.topics
    this.#views = topology.views
    this.#clock = new ManualClock(options.startMs ?? 0)
    this.#calls = new CallRunner({
      clock: this.#clock,
      random: () => 0.5,
      onDone: () => this.#onCallDone(),
    })
    this.#internalTopics = new Set(
      topology.subTopologies.flatMap(part => part.repartitionSources.map(internal => internal.name)),
    )
    for (const table of topology.globalTables) {
      const definition = table.store
      const store = new DriverStore<unknown>(definition.name)
      this.#stores.set(definition.name, { definition, store })
      this.#globalTables.push({ table, store })
    }
    for (const subTopology of topology.subTopologies) this.#addTask(subTopology, options)
  }

  /** Processes one record of an input topic and everything that follows from it. Throws TASK_FAILED. */
  send<K, V>(topic: Topic<K, V>, record: InputRecord<K, V>): void {
    const readable = [...this.#readers.keys(), ...this.#globalTables.map(({ table }) => table.topic)]
    if (!readable.includes(topic.name)) {
      throw new EvertError(
        'INVALID_ARGUMENT',
        `The topology does not read the topic "${topic.name}". It reads ${readable.join(', ')}.`,
      )
    }
    this.#append(topic.name, {
      timestamp: record.timestamp ?? this.#clock.nowMs(),
      key: record.key === null ? null : topic.key.encode(record.key),
      value: record.value === null ? null : topic.value.encode(record.value),
      headers: record.headers ?? [],
    })
    this.#settle()
  }

  /**
   * Begins a scenario: the records are processed, and what they caused is forgotten.
   *
   * @example
   * testDriver(builder)
   *   .given([recordOf(orders, { key: '1', value: order })])
   *   .when(recordOf(payments, { key: '1', value: payment, timestamp: 7 }))
   *   .then([recordOf(paidOrders, { key: '1', value: order })])
   */
  given(records: readonly TopicRecord[]): Scenario {
    for (const record of records) this.send(record.topic, record)
    this.#outputs.clear()
    return new Scenario(this, this.#topics)
  }

  /** Takes what was written to the topic since the last call, in order. */
  read<K, V>(topic: Topic<K, V>): OutputRecord<K, V>[] {
    const records = this.#outputs.get(topic.name) ?? []
    this.#outputs.delete(topic.name)
    return records.map(({ key, value, timestamp, headers }) => ({
      key: key === null ? null : topic.key.decode(key),
      value: value === null ? null : topic.value.decode(value),
      timestamp,
      headers,
    }))
  }

  /** The topics that were written to and not read yet. */
  get writtenTopics(): string[] {
    return [...this.#outputs.keys()]
  }

  /** The rows of a view or a key-value store, in the byte order of their keys. */
  rows<K = unknown, V = unknown>(from: View<K, V> | string): StoredRow<K, V>[] {
    const { definition, store } = this.#store(storeNameOf(this.#views, from))
    return Array.from(store.range(), ([key, { value, timestamp }]) => ({
      key: definition.key.decode(Buffer.from(key, 'latin1')) as K,
      value: value as V,
      timestamp,
    }))
  }

  /** The row of a key, or undefined. */
  row<K = unknown, V = unknown>(from: View<K, V> | string, key: K): StoredRow<K, V> | undefined {
    const { definition, store } = this.#store(storeNameOf(this.#views, from))
    const row = store.get(definition.key.encode(key).toString('latin1'))
    return row === undefined ? undefined : { key, value: row.value as V, timestamp: row.timestamp }
  }

  get storeNames(): string[] {
    return [...this.#stores.keys()]
  }

  /** Moves the wall clock on, and calls the punctuations that are due then. Throws TASK_FAILED. */
  advanceWallClock(ms: number): void {
    this.#clock.advance(ms)
    for (const task of this.#tasks) {
      task.punctuate()
      this.#settle()
    }
  }

  /** Ends the tasks: their processors' `close` is called. Throws what the first of them threw. */
  close(): void {
    const errors: unknown[] = []
    for (const task of this.#tasks) task.close(error => errors.push(error))
    if (errors.length > 0) throw errors[0]
  }

  /** Whether a processor asked for a commit since the last call. */
  takeCommitRequest(): boolean {
    const isWanted = this.#tasks.some(task => task.wantsCommit)
    for (const task of this.#tasks) task.committed()
    return isWanted
  }

  /** How many records were dropped so far, by operator and reason: see `Running.dropped`. */
  dropped(): DroppedRecords[] {
    return this.#counts.dropped()
  }

  /** How many records came behind the stream time of their task. */
  outOfOrder(): OutOfOrderRecords[] {
    return this.#counts.outOfOrder()
  }

  /**
   * Makes the calls of asynchronous functions that wait to be made, and those that follow from their results, until
   * none is left. Results go on in the order of the calls, whichever is back first, so that a test's outputs are always
   * the same. Timeouts and pauses before repetitions pass with the driver's wall clock. Rejects with TASK_FAILED.
   *
   * @example
   * driver.send(orders, { key: '1', value: order })
   * await driver.settled()
   * assert.equal(driver.read(pricedOrders).length, 1)
   */
  async settled(): Promise<void> {
    for (;;) {
      const begun = this.#tasks.flatMap(task => task.calls.take().map(call => ({ task, call })))
      if (begun.length === 0) return
      const ended = await this.#callAll(begun.map(({ call }) => call))
      for (const { task, call } of begun) {
        const { outcome } = ended.find(each => each.call === call) as EndedCall
        task.complete(call, outcome)
        this.#settle()
      }
      for (const task of this.#tasks) this.#takeWaiting(task)
    }
  }

  #addTask(subTopology: SubTopology, options: TestDriverOptions): void {
    const stores = new Map<string, KeyValueStore<unknown>>()
    for (const definition of subTopology.stores) {
      const kept = new DriverStore<unknown>(definition.name)
      for (const [name, store] of storesByName(kept, definition.value)) stores.set(name, store)
      const store = stores.get(definition.name) as KeyValueStore<unknown>
      this.#stores.set(definition.name, { definition, store })
    }
    for (const name of subTopology.globalStores) stores.set(name, this.#store(name).store)
    const task = new Task({
      subTopology: withFrozenValues(subTopology),
      partition: 0,
      stores: { keyValue: <V>(name: string) => stores.get(name) as KeyValueStore<V> },
      collector: this.#collector(),
      nowMs: () => this.#clock.nowMs(),
      counts: this.#counts.of(`${subTopology.id}_0`),
      partitionsOf: () => 1,
      ...(options.onError === undefined ? {} : { onError: options.onError }),
    })
    this.#tasks.push(task)
    const topics = [...subTopology.sourceTopics, ...subTopology.repartitionSources.map(topic => topic.name)]
    for (const topic of topics) this.#readers.set(topic, [...(this.#readers.get(topic) ?? []), task])
  }

  #callAll(calls: readonly AsyncCall[]): Promise<EndedCall[]> {
    const ended: EndedCall[] = []
    return new Promise(resolve => {
      this.#onCallDone = () => {
        ended.push(...this.#calls.takeEnded())
        if (ended.length === calls.length) resolve(ended)
      }
      for (const call of calls) this.#calls.start(call)
    })
  }

  /** What it left while its asynchronous operators were full. */
  #takeWaiting(task: Task): void {
    while (task.process(1) > 0) this.#settle()
  }

  #collector(): RecordCollector {
    return {
      collect: (topic, _partition, timestamp, key, value, headers) => {
        const record = this.#append(topic, { timestamp, key: copied(key), value: copied(value), headers })
        if (this.#internalTopics.has(topic)) return
        const outputs = this.#outputs.get(topic)
        if (outputs === undefined) this.#outputs.set(topic, [record])
        else outputs.push(record)
      },
    }
  }

  /** Gives the record its offset and passes it to the tasks that read the topic. */
  #append(topic: string, record: Omit<RawRecord, 'offset'>): RawRecord {
    const offset = this.#endOffsets.get(topic) ?? 0
    this.#endOffsets.set(topic, offset + 1)
    const appended = { ...record, offset }
    if (this.#readers.has(topic)) this.#pending.push({ topic, record: appended })
    for (const { table, store } of this.#globalTables) {
      if (table.topic !== topic || record.key === null) continue
      const row = globalRow(table, record.key, record.value)
      store.put(record.key.toString('latin1'), row, record.timestamp)
    }
    return appended
  }

  #settle(): void {
    for (;;) {
      const next = this.#pending.shift()
      if (next === undefined) return
      const { topic, record } = next
      for (const task of this.#readers.get(topic) ?? []) {
        const { offset } = record
        task.enqueue({
          topic,
          partition: 0,
          batches: [singleRecord(record)],
          fromOffset: offset,
          nextOffset: offset + 1,
        })
        task.process(1)
      }
    }
  }

  #store(name: string): { definition: StoreDefinition; store: KeyValueStore<unknown> } {
    const found = this.#stores.get(name)
    if (found !== undefined) return found
    throw new EvertError(
      'INVALID_ARGUMENT',
      `The topology has no store "${name}". It has ${this.storeNames.join(', ') || 'none'}.`,
    )
  }
}

function withFrozenValues(subTopology: SubTopology): SubTopology {
  const nodes = subTopology.nodes.map(node =>
    node.kind === 'processor' ? node : { ...node, key: freezing(node.key), value: freezing(node.value) },
  )
  return { ...subTopology, nodes }
}

function copied(bytes: Buffer | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes)
}
