import { bytes } from '../../contracts/codecs.ts'
import type { Codec } from '../../contracts/codec.ts'
import { decodesAlike } from '../../contracts/decodes-alike.ts'
import { EvertError } from '../../errors.ts'
import type { Topic } from '../../contracts/topic.ts'
import { Plan, type PlanNode } from '../graph/plan.ts'
import type { Topology } from '../graph/topology.ts'
import { type TopologyOptions, toTopology } from '../graph/to-topology.ts'
import { assertErrorPolicy } from '../processors/error-policy.ts'
import { tableSource } from '../processors/table-source.ts'
import type { TimestampExtractor } from '../processors/timestamp-extractor.ts'
import { versionCodec } from '../processors/versioned-rows.ts'
import { versionedTableSource } from '../processors/versioned-table-source.ts'
import type { DslContext } from './context.ts'
import { GlobalKTable } from './global-ktable.ts'
import { KStream } from './kstream.ts'
import { KTable } from './ktable.ts'
import { assertOptions, assertTopic } from './operator-calls.ts'
import { optionNames } from './option-names.ts'
import { assertLogged } from './topic-tables.ts'
import type { VersionedKTable } from './narrowed-tables.ts'
import type { SourceOptions, StoreOptions, TableOptions, VersionedTableOptions } from './options.ts'
import { planRows } from './table-expiry.ts'
import { newTableState, sourceParts, versionedParts } from './table-parts.ts'

/**
 * Where a topology begins (Kafka Streams: StreamsBuilder). Handles that it gives are descriptions: nothing runs until
 * an application or a test driver takes the topology. All calls throw INVALID_TOPOLOGY for what cannot be built.
 *
 * @example
 * const builder = new StreamsBuilder()
 * builder.stream(orders).filter(order => order.state === 'CREATED').to(newOrders)
 */
export class StreamsBuilder {
  readonly #plan = new Plan()
  readonly #options: TopologyOptions
  readonly #streamSources: StreamSource[] = []
  readonly #context: DslContext = {
    plan: this.#plan,
    stream: parts => new KStream(this.#context, parts),
    table: parts => new KTable(this.#context, parts),
  }

  constructor(options: TopologyOptions = {}) {
    this.#options = options
  }

  /**
   * The records of one or several topics as a stream. Several topics must have one key and one value codec.
   * A record without a value (a tombstone) reaches the callbacks of a stream with null as its value.
   */
  stream<K, V>(
    topics: Topic<K, V> | readonly [Topic<K, V>, ...Topic<K, V>[]],
    options: SourceOptions<K, V> = {},
  ): KStream<K, V> {
    const list = isList(topics) ? topics : [topics]
    for (const each of list) assertTopic('stream', each)
    assertOptions('stream', options, optionNames.source)
    const [{ key, value }] = list
    if (list.some(topic => topic.key !== key || topic.value !== value)) {
      throw new EvertError(
        'INVALID_TOPOLOGY',
        `The topics ${list.map(topic => `"${topic.name}"`).join(', ')} do not share one key and one value codec. ` +
          'Read each as a stream of its own and merge them.',
      )
    }
    const name = this.#plan.names.operator('KSTREAM-SOURCE-', options.name)
    const names = list.map(topic => topic.name)
    assertErrorPolicy(options, 'INVALID_TOPOLOGY')
    for (const topic of list) this.#plan.topics.set(topic.name, topic)
    const timestamp = options.timestamp as TimestampExtractor<unknown, unknown> | undefined
    const { onError } = options
    const shared = this.#sourceOf(names)
    if (shared !== undefined) assertReadAlike(shared, { topics: names, key, value, timestamp, onError })
    const node =
      shared?.node ??
      this.#plan.addSource({ name, topics: names, key, value, changes: false, timestamp, onError })
    if (shared === undefined) {
      this.#streamSources.push({ topics: names, key, value, timestamp, onError, node })
    }
    return this.#context.stream({ node, key, value, sources: [node], keyChanged: false })
  }

  /**
   * A topic as a table: its latest record per key, in offset order. Records without a key are dropped. The topic
   * itself is the table's changelog as long as its rows are what the topic says. With `timestamp`, `ttlMs` or
   * `emitOnChange` they are not, and are logged in a changelog of their own.
   *
   * @example
   * const devices = builder.table(heartbeats, { ttlMs: 60_000, emitOnChange: true })
   */
  table<K, V>(topic: Topic<K, V>, options: TableOptions<K, V> = {}): KTable<K, V> {
    assertTopic('table', topic)
    assertOptions('table', options, optionNames.table)
    const { plan } = this.#context
    const { key, value } = topic
    const { source, name, store: generatedStore } = this.#tableSource(topic, options)
    const state = newTableState(value, options)
    const isOwn = options.timestamp !== undefined || state.emitOnChange || state.expires
    if (!isOwn) assertLogged(topic, options)
    const table = sourceParts(state, generatedStore, {
      plan,
      key,
      ...(isOwn ? {} : { sourceTopic: topic.name }),
    })
    if (options.store !== undefined || state.emitOnChange || state.expires) table.keepRows(generatedStore)
    const rows = { name, key, state, create: tableSource(state), keepsGreatestTime: false }
    const node = plan.addProcessor(name, [source], planRows(plan, rows, options))
    return this.#context.table({ node, key, value, sources: [source], table })
  }

  /**
   * A topic as a table that also knows its rows as they were, for `historyRetentionMs` back from stream time (KIP-889,
   * KIP-914): the row of a key is its record with the greatest timestamp, whatever the order in which records come. A
   * stream that joins it finds the row as of its own record's time. Records older than the history are dropped.
   *
   * @example
   * const prices = builder.versionedTable(priceChanges, { historyRetentionMs: 86_400_000 })
   * orders.join(prices, (order, price) => order.quantity * price, { graceMs: 60_000 })
   */
  versionedTable<K, V>(topic: Topic<K, V>, options: VersionedTableOptions<K, V>): VersionedKTable<K, V> {
    assertTopic('versionedTable', topic)
    assertOptions('versionedTable', options, optionNames.versionedTable)
    const { plan } = this.#context
    const { key, value } = topic
    const { historyRetentionMs } = options
    if (!Number.isSafeInteger(historyRetentionMs) || historyRetentionMs < 0) {
      throw new EvertError(
        'INVALID_TOPOLOGY',
        `The versioned table of "${topic.name}" needs { historyRetentionMs } in whole milliseconds, 0 or more; ` +
          `got ${historyRetentionMs}.`,
      )
    }
    const { source, name, store: latest } = this.#tableSource(topic, options)
    const stores = { latest, history: `${latest}-history`, historyRetentionMs }
    const state = newTableState(value, options)
    const own = { sourceTopic: undefined, logged: state.logged }
    plan.addStore({ name: latest, key, value, ...own })
    plan.addStore({ name: stores.history, key: bytes, value: versionCodec(value), ...own, isHidden: true })
    state.store = latest
    const node = plan.addProcessor(name, [source], {
      create: versionedTableSource(stores, state),
      stores: () => [latest, stores.history],
    })
    const table = versionedParts(state, stores, plan)
    return this.#context.table({ node, key, value, sources: [source], table })
  }

  /**
   * A topic as a table that every instance holds completely, all partitions: streams join it by any key, without
   * repartitioning. It is kept up on its own and not in step with the streams (Kafka Streams: globalTable).
   */
  globalTable<K, V>(topic: Topic<K, V>, options: StoreOptions = {}): GlobalKTable<K, V> {
    assertTopic('globalTable', topic)
    assertOptions('globalTable', options, optionNames.store)
    const { plan } = this.#context
    assertLogged(topic, options)
    const store = options.store ?? plan.names.store(`${topic.name}-`)
    const { key, value } = topic
    plan.topics.set(topic.name, topic)
    const isNamed = options.store !== undefined
    plan.addGlobalTable({ topic: topic.name, store, key, value, isNamed, derived: undefined })
    return new GlobalKTable({ plan, topic, store, key, value, row: undefined })
  }

  /** Fixes the topology under an application id, the prefix of its internal topics. */
  build(applicationId: string): Topology {
    return toTopology(this.#plan, applicationId, this.#options)
  }

  /** The source of a table's topic, and what its operator and its store are called. */
  #tableSource<K, V>(topic: Topic<K, V>, options: TableOptions<K, V> | VersionedTableOptions<K, V>) {
    assertErrorPolicy(options, 'INVALID_TOPOLOGY')
    const { plan } = this.#context
    const { key, value } = topic
    const timestamp = options.timestamp as TimestampExtractor<unknown, unknown> | undefined
    plan.topics.set(topic.name, topic)
    const store = options.store ?? plan.names.store(`${topic.name}-`)
    const sourceName = plan.names.operator('KSTREAM-SOURCE-', options.name && `${options.name}-source`)
    const name = plan.names.operator('KTABLE-SOURCE-', options.name)
    const { onError } = options
    const read = { topics: [topic.name], key, value, changes: false, timestamp, onError }
    return { source: plan.addSource({ name: sourceName, ...read }), name, store }
  }

  /** Two streams of the same topics share one source. */
  #sourceOf(topics: readonly string[]): StreamSource | undefined {
    return this.#streamSources.find(
      source =>
        source.topics.length === topics.length && source.topics.every((topic, i) => topic === topics[i]),
    )
  }
}

interface StreamSource {
  readonly topics: readonly string[]
  readonly key: Codec<unknown>
  readonly value: Codec<unknown>
  readonly timestamp: unknown
  readonly onError: unknown
  readonly node: PlanNode
}

/** What two streams of the same topics share is read in one way. Throws INVALID_TOPOLOGY. */
function assertReadAlike(shared: StreamSource, { topics, ...asked }: Omit<StreamSource, 'node'>): void {
  const read = `The topic "${topics.join('", "')}" is read twice with different`
  for (const option of ['timestamp', 'onError'] as const) {
    if (shared[option] === asked[option]) continue
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `${read} { ${option} }. Read it once, with { ${option} }, and derive both streams from the result.`,
    )
  }
  for (const side of ['key', 'value'] as const) {
    const [one, other] = [shared[side], asked[side]]
    if (decodesAlike(one, other)) continue
    const codecs =
      one.name === other.name ? `of other schemas ("${one.name}")` : `"${one.name}" and "${other.name}"`
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `${read} ${side} codecs, ${codecs}. Declare the topic once, and derive both streams from one that reads it.`,
    )
  }
}

function isList<T>(topics: T | readonly [T, ...T[]]): topics is readonly [T, ...T[]] {
  return Array.isArray(topics)
}
