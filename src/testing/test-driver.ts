import type { Topic } from '../contracts/topic.ts'
import { EvertError } from '../errors.ts'
import { ManualClock } from '../internal/clock.ts'
import type { RecordHeader } from '../records/record-batch.ts'
import type { View } from '../streams/dsl/view.ts'
import type { StreamsBuilder } from '../streams/dsl/streams-builder.ts'
import type { SubTopology, Topology } from '../streams/graph/topology.ts'
import type { PartitionCount } from '../streams/processors/sink.ts'
import type { RecordCollector } from '../streams/state/record-collector.ts'
import {
  type DroppedRecords,
  type OutOfOrderRecords,
  RecordCounts,
} from '../streams/runtime/record-counts.ts'
import type { AsyncCall } from '../streams/processors/async-call.ts'
import { CallRunner, type EndedCall } from '../streams/runtime/call-runner.ts'
import { assertErrorPolicy, type ErrorPolicy } from '../streams/processors/error-policy.ts'
import { refuseDeadLetterLoops } from '../streams/runtime/dead-letter-loops.ts'
import { GlobalRows } from '../streams/runtime/global-rows.ts'
import type { RecordLimit } from '../records/record-limit.ts'
import { DriverLog } from './driver-log.ts'
import { DriverTask, GlobalReader, type OpenStore, withFrozenValues } from './driver-readers.ts'
import { inputsOf, type Partitions, partitionCounts, taskCount } from './partition-counts.ts'
import { Scenario, type TopicRecord } from './scenario.ts'
import { storeNameOf, type StoredRow } from './stored-rows.ts'
import { LogOrder, type LogRecord, SeededTurns, type Turns } from './turns.ts'

/** The broker's default. */
const DEFAULT_MAX_MESSAGE_BYTES = 1024 * 1024 + 12

export interface TestDriverOptions {
  /** Prefix of the internal topics. Default `test`. */
  readonly applicationId?: string
  /** Where the driver's wall clock begins. Default 0. */
  readonly startMs?: number
  readonly onError?: ErrorPolicy
  /**
   * Partitions of the topics: one number for all external topics, or one for each that is named (the others have one).
   * There is then a task per sub-topology and partition, as in a cluster. Default: every topic has one.
   */
  readonly partitions?: Partitions
  /**
   * Chooses one of the orders in which the tasks of a cluster may come to their records; the same seed, the same run.
   * Default: records are processed one by one, in the order in which they were written.
   */
  readonly seed?: number
}

export interface InputRecord<K, V> {
  readonly key: K | null
  readonly value: V | null
  /** Default: the driver's wall clock. */
  readonly timestamp?: number
  readonly headers?: readonly RecordHeader[]
  /** Default: by the key as Kafka's default partitioner has it; in turn where there is none. */
  readonly partition?: number
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
 * With `partitions` and a `seed` it runs as a cluster may run it: several tasks, which come to their records in one of
 * many orders. A result that holds for every seed holds whatever the timing.
 *
 * Throws INVALID_TOPOLOGY when topics that are joined have different numbers of partitions, and when dead letters would
 * come back as input for ever; INVALID_ARGUMENT for an `onError` that is no policy.
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
  /** Of the order in which its tasks go on, if it was given one. */
  readonly seed: number | undefined
  readonly #clock: ManualClock
  readonly #counts = new RecordCounts()
  readonly #partitionsOf: PartitionCount
  readonly #turns: Turns
  readonly #log: DriverLog
  readonly #tasks: DriverTask[] = []
  /** By name: one per partition, or one that is global. */
  readonly #stores = new Map<string, OpenStore[]>()
  readonly #outputs = new Map<string, LogRecord[]>()
  readonly #internalTopics: ReadonlySet<string>
  readonly #topics: Topology['topics']
  readonly #views: Topology['views']
  readonly #calls: CallRunner
  readonly #inAnyOrder: <T>(list: readonly T[]) => readonly T[]
  #onCallDone: () => void = () => {}

  constructor(topology: Topology, options: TestDriverOptions) {
    assertErrorPolicy(options)
    refuseDeadLetterLoops(topology, options.onError)
    this.seed = options.seed
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
    this.#partitionsOf = partitionCounts(topology, options.partitions)
    const seeded = options.seed === undefined ? undefined : new SeededTurns(options.seed)
    this.#turns = seeded ?? new LogOrder()
    this.#inAnyOrder = seeded === undefined ? list => list : list => seeded.shuffled(list)
    this.#log = new DriverLog(this.#partitionsOf, this.#turns)
    const globalRows = new GlobalRows({
      collector: this.#collector(),
      applicationId: options.applicationId ?? 'test',
      onError: options.onError,
      limitOf: topic => this.#limitOf(topic),
      warn: () => {},
      counts: this.#counts,
    })
    const globals = topology.globalTables.map(table => new GlobalReader(table, globalRows))
    for (const reader of globals) this.#stores.set(reader.definition.name, [reader])
    for (const subTopology of topology.subTopologies) {
      const frozen = withFrozenValues(subTopology)
      const tasks = taskCount(subTopology, this.#partitionsOf)
      for (let partition = 0; partition < tasks; partition++) this.#addTask(frozen, partition, options)
    }
    for (const reader of globals) {
      const partitions = this.#partitionsOf(reader.topic)
      for (let partition = 0; partition < partitions; partition++) {
        this.#log.subscribe(reader, reader.topic, partition)
      }
    }
  }

  /** Processes one record of an input topic and everything that follows from it. Throws TASK_FAILED. */
  send<K, V>(topic: Topic<K, V>, record: InputRecord<K, V>): void {
    this.sendAll([{ ...record, topic }])
  }

  /**
   * Sends records in this order. With a seed, tasks go on meanwhile, so that any of them may see the first ones before
   * the last are there; without, each record is done with everything that follows from it before the next. Throws
   * TASK_FAILED.
   *
   * @example
   * driver.sendAll([
   *   recordOf(orders, { key: '1', value: order }),
   *   recordOf(payments, { key: '1', value: payment }),
   * ])
   */
  sendAll(records: readonly TopicRecord[]): void {
    for (const { topic } of records) this.#assertRead(topic.name)
    this.#turns.run(
      records.map(({ topic, key, value, timestamp, headers, partition }) => () => {
        this.#log.append(topic.name, partition, {
          timestamp: timestamp ?? this.#clock.nowMs(),
          key: key === null ? null : topic.key.encode(key),
          value: value === null ? null : topic.value.encode(value),
          headers: headers ?? [],
        })
      }),
    )
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
    this.sendAll(records)
    this.#outputs.clear()
    return new Scenario(
      {
        seed: this.seed,
        sendAll: list => this.sendAll(list),
        advanceWallClock: ms => this.advanceWallClock(ms),
        writtenTopics: () => this.writtenTopics,
        take: topic =>
          this.#take(topic).map(record => ({ ...asOutput(topic, record), partition: record.partition })),
      },
      this.#topics,
    )
  }

  /** Takes what was written to the topic, or to one partition of it, since the last call, in order. */
  read<K, V>(topic: Topic<K, V>, { partition }: { readonly partition?: number } = {}): OutputRecord<K, V>[] {
    return this.#take(topic, partition).map(record => asOutput(topic, record))
  }

  /** The topics that were written to and not read yet. */
  get writtenTopics(): string[] {
    return [...this.#outputs.keys()]
  }

  /** The rows of a view or a key-value store, of all partitions, in the byte order of their keys. */
  rows<K = unknown, V = unknown>(from: View<K, V> | string): StoredRow<K, V>[] {
    const rows = this.#store(storeNameOf(this.#views, from)).flatMap(({ definition, store }) =>
      Array.from(store.range(), ([key, { value, timestamp }]) => ({ key, value, timestamp, definition })),
    )
    return rows
      .toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
      .map(({ key, value, timestamp, definition }) => ({
        key: definition.key.decode(Buffer.from(key, 'latin1')) as K,
        value: value as V,
        timestamp,
      }))
  }

  /** The row of a key, in whichever partition, or undefined. */
  row<K = unknown, V = unknown>(from: View<K, V> | string, key: K): StoredRow<K, V> | undefined {
    for (const { definition, store } of this.#store(storeNameOf(this.#views, from))) {
      const row = store.get(definition.key.encode(key).toString('latin1'))
      if (row !== undefined) return { key, value: row.value as V, timestamp: row.timestamp }
    }
    return undefined
  }

  get storeNames(): string[] {
    return [...this.#stores.keys()]
  }

  /** Moves the wall clock on, and calls the punctuations that are due then. Throws TASK_FAILED. */
  advanceWallClock(ms: number): void {
    this.#clock.advance(ms)
    for (const { task } of this.#inAnyOrder(this.#tasks)) this.#turns.run([() => task.punctuate()])
  }

  /** Ends the tasks: their processors' `close` is called. Throws what the first of them threw. */
  close(): void {
    const errors: unknown[] = []
    for (const { task } of this.#tasks) task.close(error => errors.push(error))
    if (errors.length > 0) throw errors[0]
  }

  /** Whether a processor asked for a commit since the last call. */
  takeCommitRequest(): boolean {
    const isWanted = this.#tasks.some(({ task }) => task.wantsCommit)
    for (const { task } of this.#tasks) task.committed()
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
   * none is left. Results go on in the order of the calls, or in one that the seed chooses, whichever is back first, so
   * that a test's outputs are always the same. Timeouts and pauses before repetitions pass with the driver's wall clock.
   * Rejects with TASK_FAILED.
   *
   * @example
   * driver.send(orders, { key: '1', value: order })
   * await driver.settled()
   * assert.equal(driver.read(pricedOrders).length, 1)
   */
  async settled(): Promise<void> {
    for (;;) {
      const begun = this.#tasks.flatMap(({ task }) => task.calls.take().map(call => ({ task, call })))
      if (begun.length === 0) return
      const ended = await this.#callAll(begun.map(({ call }) => call))
      for (const { task, call } of this.#inAnyOrder(begun)) {
        const { outcome } = ended.find(each => each.call === call) as EndedCall
        this.#turns.run([() => task.complete(call, outcome)])
      }
      for (const task of this.#tasks) this.#takeWaiting(task)
    }
  }

  #addTask(subTopology: SubTopology, partition: number, { onError, applicationId }: TestDriverOptions): void {
    const task = new DriverTask(
      {
        subTopology,
        partition,
        collector: this.#collector(),
        nowMs: () => this.#clock.nowMs(),
        counts: this.#counts.of(`${subTopology.id}_${partition}`),
        partitionsOf: this.#partitionsOf,
        applicationId: applicationId ?? 'test',
        limitOf: topic => this.#limitOf(topic),
        ...(onError === undefined ? {} : { onError }),
      },
      name => (this.#store(name)[0] as OpenStore).store,
    )
    this.#tasks.push(task)
    for (const store of task.stores) {
      const { name } = store.definition
      this.#stores.set(name, [...(this.#stores.get(name) ?? []), store])
    }
    for (const topic of inputsOf(subTopology)) {
      if (partition < this.#partitionsOf(topic)) this.#log.subscribe(task, topic, partition)
    }
  }

  /** As the topic was declared; the broker's default where nothing is said. */
  #limitOf(topic: string): RecordLimit {
    const configs = this.#topics.find(({ name }) => name === topic)?.configs
    return { maxMessageBytes: Number(configs?.['max.message.bytes'] ?? DEFAULT_MAX_MESSAGE_BYTES) }
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
  #takeWaiting(task: DriverTask): void {
    while (task.process(1) > 0) this.#turns.run([])
  }

  #collector(): RecordCollector {
    return {
      collect: (topic, partition, timestamp, key, value, headers) => {
        const record = { timestamp, key: copied(key), value: copied(value), headers }
        const written = this.#log.append(topic, partition, record)
        if (this.#internalTopics.has(topic)) return
        const outputs = this.#outputs.get(topic)
        if (outputs === undefined) this.#outputs.set(topic, [written])
        else outputs.push(written)
      },
    }
  }

  #take({ name }: Topic<unknown, unknown>, partition?: number): LogRecord[] {
    const written = this.#outputs.get(name) ?? []
    const isWanted = (record: LogRecord) => partition === undefined || record.partition === partition
    const left = written.filter(record => !isWanted(record))
    if (left.length === 0) this.#outputs.delete(name)
    else this.#outputs.set(name, left)
    return written.filter(isWanted)
  }

  #assertRead(topic: string): void {
    const { readTopics } = this.#log
    if (readTopics.includes(topic)) return
    throw new EvertError(
      'INVALID_ARGUMENT',
      `The topology does not read the topic "${topic}". It reads ${readTopics.join(', ')}.`,
    )
  }

  #store(name: string): readonly OpenStore[] {
    const found = this.#stores.get(name)
    if (found !== undefined) return found
    throw new EvertError(
      'INVALID_ARGUMENT',
      `The topology has no store "${name}". It has ${this.storeNames.join(', ') || 'none'}.`,
    )
  }
}

function asOutput<K, V>({ key, value }: Topic<K, V>, { record }: LogRecord): OutputRecord<K, V> {
  return {
    key: record.key === null ? null : key.decode(record.key),
    value: record.value === null ? null : value.decode(record.value),
    timestamp: record.timestamp,
    headers: record.headers,
  }
}

function copied(bytes: Buffer | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes)
}
