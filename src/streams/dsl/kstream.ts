import type { Codec } from '../../contracts/codec.ts'
import type { Topic } from '../../contracts/topic.ts'
import type { PlanNode, PlanProcessor } from '../graph/plan.ts'
import type { AsyncMapper, AsyncRecordContext } from '../processors/async-call.ts'
import { branch } from '../processors/branch.ts'
import { filter } from '../processors/filter.ts'
import { flatMapValues } from '../processors/flat-map-values.ts'
import type { Joiner, Mapper, Predicate } from '../processors/functions.ts'
import { storeLookup } from '../processors/lookup.ts'
import { mapValues } from '../processors/map-values.ts'
import { passThrough } from '../processors/pass-through.ts'
import { peek } from '../processors/peek.ts'
import type { RecordContext } from '../processors/process-context.ts'
import type { StoreDeclarations } from '../processors/store-declaration.ts'
import { selectKey } from '../processors/select-key.ts'
import { streamGlobalJoin } from '../processors/stream-global-join.ts'
import { tableSource } from '../processors/table-source.ts'
import type { DslContext, StreamParts } from './context.ts'
import { type DeduplicateOptions, deduplicateStream } from './deduplicate.ts'
import { defaultValueCodec, textKeyCodec } from './default-codecs.ts'
import { GlobalKTable } from './global-ktable.ts'
import { KGroupedStream } from './kgrouped-stream.ts'
import { type KTable, partsOf } from './ktable.ts'
import { type MapAsyncOptions, planMapAsync } from './map-async.ts'
import { assertFunctions, assertOptions } from './operator-calls.ts'
import { optionNames } from './option-names.ts'
import type {
  DynamicSinkOptions,
  KeyOptions,
  NamedOptions,
  RepartitionOptions,
  SinkOptions,
  RowOptions,
  ValueOptions,
} from './options.ts'
import {
  assertDefinition,
  planProcess,
  type ProcessDefinition,
  type ProcessValuesDefinition,
} from './process.ts'
import { repartitionNames, repartitionStream } from './repartitioning.ts'
import { planSink, type SinkTargets } from './sinks.ts'
import {
  type JoinKind,
  joinStreams,
  type KeyedStream,
  type LateJoinOptions,
  type StreamJoinOptions,
} from './stream-join.ts'
import { joinStreamWithTable, type StreamTableJoinOptions } from './stream-table-join.ts'
import { planRows } from './table-expiry.ts'
import { newTableState, sourceParts } from './table-parts.ts'

/**
 * A stream of keyed records (Kafka Streams: KStream). Callbacks take the value first, then the key; values are shared
 * between operators and must not be mutated. A callback that returns null makes the value null.
 */
export class KStream<K, V> {
  readonly #context: DslContext
  readonly #parts: StreamParts<K, V>
  #repartitioned: { name: string; source: PlanNode } | undefined

  constructor(context: DslContext, parts: StreamParts<K, V>) {
    this.#context = context
    this.#parts = parts
  }

  /** The records for which the predicate holds. */
  filter<V2 extends V>(predicate: (value: V, key: K) => value is V2, options?: NamedOptions): KStream<K, V2>
  filter(predicate: (value: V, key: K) => boolean, options?: NamedOptions): KStream<K, V>
  filter(predicate: (value: V, key: K) => boolean, options: NamedOptions = {}): KStream<K, V> {
    return this.#filter('filter', predicate, options)
  }

  /** The records for which the predicate does not hold. */
  filterNot(predicate: (value: V, key: K) => boolean, options: NamedOptions = {}): KStream<K, V> {
    return this.#filter('filterNot', predicate, options)
  }

  /** A new value for each record (Kafka Streams: mapValues). */
  map<V2>(mapper: (value: V, key: K) => V2 | null, options: ValueOptions<V2> = {}): KStream<K, V2> {
    assertFunctions('map', { mapper })
    assertOptions('map', options, optionNames.value)
    const value = options.value ?? (defaultValueCodec as Codec<V2>)
    const create = mapValues(mapper as Mapper, value)
    return this.#then('KSTREAM-MAPVALUES-', options, { create }, { value })
  }

  /**
   * As `map`, with a function that takes its time: a call to a service, a query of a database. Up to `concurrency`
   * calls of a task are under way at a time; under one key they are made one after the other, and their results go on
   * in the order of the records, while other keys overtake. Commits wait for no call: records without a result are
   * part of the task's state, and after a crash or a move of the task they are called for again. So a record's result
   * goes on exactly once, but the function may be called for it more than once.
   *
   * A call that rejects or times out, after its repetitions, fails its record: see `onError`.
   *
   * @example
   * orders.mapAsync(
   *   async (order, id, { signal }) => (await fetch(`https://prices.example/${id}`, { signal })).json(),
   *   { name: 'price', concurrency: 32, timeoutMs: 5_000, retries: 3 },
   * )
   */
  mapAsync<V2>(
    mapper: (value: V, key: K, record: AsyncRecordContext) => PromiseLike<V2 | null>,
    options: MapAsyncOptions<V2> = {},
  ): KStream<K, V2> {
    assertFunctions('mapAsync', { mapper })
    assertOptions('mapAsync', options, optionNames.mapAsync)
    const { plan } = this.#context
    const result = options.value ?? (defaultValueCodec as Codec<V2>)
    const name = plan.names.operator('KSTREAM-MAPASYNC-', options.name)
    const { key, value } = this.#parts
    const processor = planMapAsync(plan, name, {
      mapper: mapper as AsyncMapper,
      key,
      value,
      options: { ...(options as MapAsyncOptions<unknown>), value: result },
    })
    return this.#then('', { name }, processor, { value: result })
  }

  /** Any number of values for each record, under its key (Kafka Streams: flatMapValues). */
  flatMap<V2>(mapper: (value: V, key: K) => Iterable<V2>, options: ValueOptions<V2> = {}): KStream<K, V2> {
    assertFunctions('flatMap', { mapper })
    assertOptions('flatMap', options, optionNames.value)
    const value = options.value ?? (defaultValueCodec as Codec<V2>)
    const create = flatMapValues(mapper as Mapper, value)
    return this.#then('KSTREAM-FLATMAPVALUES-', options, { create }, { value })
  }

  /** A new key for each record. What depends on the key later sends the stream through a repartition topic first. */
  selectKey(select: (value: V, key: K) => string | null, options?: NamedOptions): KStream<string, V>
  selectKey<K2>(select: (value: V, key: K) => K2 | null, options: KeyOptions<K2>): KStream<K2, V>
  selectKey<K2>(
    select: (value: V, key: K) => K2 | null,
    options: NamedOptions | KeyOptions<K2> = {},
  ): KStream<K2, V> {
    assertFunctions('selectKey', { selector: select })
    assertOptions('selectKey', options, optionNames.key)
    const key = keyCodecOf(options)
    const create = selectKey(select as Mapper, key)
    return this.#then('KSTREAM-KEY-SELECT-', options, { create }, { key, keyChanged: true })
  }

  /** Shows each record to a function, for logs and measurements; it may see a record again after a failure. */
  peek(action: (value: V, key: K) => void, options: NamedOptions = {}): KStream<K, V> {
    assertFunctions('peek', { action })
    assertOptions('peek', options, optionNames.named)
    return this.#then('KSTREAM-PEEK-', options, { create: peek(action as Mapper) })
  }

  /**
   * Runs the user's own processor, with stores, punctuations and the record's metadata (Kafka Streams: Processor API).
   * Results may have other keys: what depends on the key later sends them through a repartition topic first.
   *
   * @example
   * const seen = keyValueStore('seen', { key: string, value: int64 })
   * orders.process({
   *   stores: { seen },
   *   create: ({ stores, forward }) => (order, id, { timestamp }) => {
   *     if (stores.seen.putIfAbsent(id, timestamp) === undefined) forward(id, order)
   *   },
   * })
   */
  process<K2 = K, V2 = V, S extends StoreDeclarations = Record<never, never>>(
    definition: ProcessDefinition<K, V, K2, V2, S>,
    options: NamedOptions = {},
  ): KStream<K2, V2> {
    assertDefinition('process', definition, optionNames.process)
    assertOptions('process', options, optionNames.named)
    const { stores, create } = definition
    const key = definition.key ?? (this.#parts.key as Codec<unknown> as Codec<K2>)
    const value = definition.value ?? (this.#parts.value as Codec<unknown> as Codec<V2>)
    const processor = planProcess(this.#context.plan, { stores, key, value, create: create as never })
    return this.#then(undefined, this.#processName('KSTREAM-PROCESSOR-', options), processor, {
      key,
      value,
      keyChanged: true,
    })
  }

  /** As `process`, for results under the record's own key: they need no repartition topic. */
  processValues<V2 = V, S extends StoreDeclarations = Record<never, never>>(
    definition: ProcessValuesDefinition<K, V, V2, S>,
    options: NamedOptions = {},
  ): KStream<K, V2> {
    assertDefinition('processValues', definition, optionNames.processValues)
    assertOptions('processValues', options, optionNames.named)
    const { stores, create } = definition
    const value = definition.value ?? (this.#parts.value as Codec<unknown> as Codec<V2>)
    const processor = planProcess(this.#context.plan, {
      stores,
      key: undefined,
      value,
      create: create as never,
    })
    return this.#then(undefined, this.#processName('KSTREAM-PROCESSVALUES-', options), processor, { value })
  }

  /**
   * The first record of each id, under each key; repeats of it within the time are dropped, and counted. A record
   * repeats one that passed when their times lie at most `withinMs` apart, whichever is the earlier; one that is more
   * than `graceMs` behind stream time is dropped as expired. An id of null is no id: such records all pass.
   *
   * @example
   * payments.deduplicate(payment => payment.requestId, { withinMs: 600_000 })
   */
  deduplicate(id: (value: V, key: K) => string | null, options: DeduplicateOptions): KStream<K, V>
  deduplicate<I>(
    id: (value: V, key: K) => I | null,
    options: DeduplicateOptions & { readonly id: Codec<I> },
  ): KStream<K, V>
  deduplicate(
    id: (value: V, key: K) => unknown,
    options: DeduplicateOptions & { readonly id?: Codec<unknown> },
  ): KStream<K, V> {
    assertFunctions('deduplicate', { id })
    assertOptions('deduplicate', options, optionNames.deduplicate)
    const keyed = (name: string) => this.#keyed(name)
    return deduplicateStream(this.#context, this.#parts, { ...options, idOf: id as Mapper, keyed })
  }

  /** The records of both streams, in no set order between them. */
  merge(other: KStream<K, V>, options: NamedOptions = {}): KStream<K, V> {
    assertOptions('merge', options, optionNames.named)
    const { plan } = this.#context
    const parts = this.#parts
    const name = plan.names.operator('KSTREAM-MERGE-', options.name)
    const node = plan.addProcessor(name, [parts.node, other.#parts.node], {
      create: passThrough,
      changes: 'merge',
    })
    return this.#context.stream({
      ...parts,
      node,
      sources: [...new Set([...parts.sources, ...other.#parts.sources])],
      keyChanged: parts.keyChanged || other.#parts.keyChanged,
    })
  }

  /**
   * One stream per branch: each record goes to the first whose predicate holds, else to the branch named by
   * `default`; without that it is dropped (Kafka Streams: split).
   *
   * @example
   * const { large, small } = orders.split({ large: order => order.quantity > 100 }, { default: 'small' })
   */
  split<const B extends Record<string, (value: V, key: K) => boolean>, const D extends string = never>(
    branches: B,
    options: NamedOptions & { readonly default?: D } = {},
  ): { readonly [N in keyof B | D]: KStream<K, V> } {
    assertFunctions('split', branches)
    assertOptions('split', options, optionNames.split)
    const { plan } = this.#context
    const name = plan.names.operator('KSTREAM-BRANCH-', options.name)
    const predicates = Object.values(branches) as Predicate[]
    const node = plan.addProcessor(name, [this.#parts.node], {
      create: branch(predicates),
      changes: 'nothing',
    })
    const names =
      options.default === undefined ? Object.keys(branches) : [...Object.keys(branches), options.default]
    const streams = names.map(branchName => {
      const childName = plan.names.operator('KSTREAM-BRANCHCHILD-', `${name}-${branchName}`)
      const child = plan.addProcessor(childName, [node], { create: passThrough, changes: 'nothing' })
      return [branchName, this.#context.stream({ ...this.#parts, node: child })]
    })
    return Object.fromEntries(streams) as { [N in keyof B | D]: KStream<K, V> }
  }

  /** Sends the stream through a topic partitioned by its key. Records without a key are dropped there. */
  repartition(options: RepartitionOptions = {}): KStream<K, V> {
    assertOptions('repartition', options, optionNames.repartition)
    const { plan } = this.#context
    const name = options.name ?? plan.names.operator('KSTREAM-REPARTITION-')
    const { node: parent, key, value } = this.#parts
    const source = repartitionStream(plan, { parent, key, value, name, partitions: options.partitions })
    return this.#context.stream({ ...this.#parts, node: source, sources: [source], keyChanged: false })
  }

  /** Groups records by their key, for an aggregate. `name` names the repartition topic if one is needed. */
  groupByKey(options: NamedOptions = {}): KGroupedStream<K, V> {
    assertOptions('groupByKey', options, optionNames.named)
    return new KGroupedStream(this.#context, this.#parts, options.name)
  }

  /** Groups records by a computed key; those for which it is null are dropped. */
  groupBy(select: (value: V, key: K) => string | null, options?: NamedOptions): KGroupedStream<string, V>
  groupBy<K2>(select: (value: V, key: K) => K2 | null, options: KeyOptions<K2>): KGroupedStream<K2, V>
  groupBy<K2>(
    select: (value: V, key: K) => K2 | null,
    options: NamedOptions | KeyOptions<K2> = {},
  ): KGroupedStream<K2, V> {
    assertFunctions('groupBy', { selector: select })
    assertOptions('groupBy', options, optionNames.key)
    const { name, ...rest } = options
    const selectName = name === undefined ? {} : { name }
    const selected = this.selectKey(select, { ...selectName, ...rest } as KeyOptions<K2>)
    return selected.groupByKey(name === undefined ? {} : { name })
  }

  /** The stream as upserts of a table; a null value deletes, a null key is dropped. */
  toTable(options: RowOptions = {}): KTable<K, V> {
    assertOptions('toTable', options, optionNames.row)
    const { plan } = this.#context
    const { key, value } = this.#parts
    const name = plan.names.operator('KSTREAM-TOTABLE-', options.name)
    const store = options.store ?? plan.names.store('KSTREAM-TOTABLE-')
    const { node: parent, sources } = this.#keyed(name)
    const state = newTableState(value, options)
    const isNamed = options.name !== undefined || options.store !== undefined
    const table = sourceParts(state, store, { plan, key, repartition: isNamed ? undefined : name })
    if (options.store !== undefined || state.emitOnChange || state.expires) table.keepRows(store)
    const rows = { name, key, state, create: tableSource(state), keepsGreatestTime: false }
    const node = plan.addProcessor(name, [parent], planRows(plan, rows, options))
    return this.#context.table({ node, key, value, sources, table })
  }

  /**
   * Joins each record with the table's row of its key as it is at that moment (of a versioned table: as it was at the
   * record's time); without a row there is no result. With a stream: one result for each pair of records of one key
   * whose times lie `within` each other's window, when the later one comes.
   *
   * @example
   * orders.join(payments, (order, payment) => ({ order, payment }), {
   *   within: { beforeMs: 0, afterMs: 3_600_000, graceMs: 60_000 },
   * })
   */
  join<VT, V2>(
    table: KTable<K, VT>,
    joiner: (value: V, row: VT, key: K) => V2 | null,
    options?: StreamTableJoinOptions<V2>,
  ): KStream<K, V2>
  join<VR, V2>(
    stream: KStream<K, VR>,
    joiner: (left: V, right: VR, key: K) => V2 | null,
    options: StreamJoinOptions<V2> & LateJoinOptions<K, V, VR>,
  ): KStream<K, V2>
  join(other: unknown, joiner: unknown, options: unknown = {}): unknown {
    return this.#join(other, { kind: 'inner', joiner: joiner as Joiner }, options)
  }

  /**
   * As `join`; a record of this stream alone joins with null. In a join of streams that result is final: it goes out
   * when the record's window and the grace are over, and never before.
   */
  leftJoin<VT, V2>(
    table: KTable<K, VT>,
    joiner: (value: V, row: VT | null, key: K) => V2 | null,
    options?: StreamTableJoinOptions<V2>,
  ): KStream<K, V2>
  leftJoin<VR, V2>(
    stream: KStream<K, VR>,
    joiner: (left: V, right: VR | null, key: K) => V2 | null,
    options: StreamJoinOptions<V2> & LateJoinOptions<K, V, VR>,
  ): KStream<K, V2>
  leftJoin(other: unknown, joiner: unknown, options: unknown = {}): unknown {
    return this.#join(other, { kind: 'left', joiner: joiner as Joiner }, options)
  }

  /** As `leftJoin` with a stream, for the records of either side. */
  outerJoin<VR, V2>(
    stream: KStream<K, VR>,
    joiner: (left: V | null, right: VR | null, key: K) => V2 | null,
    options: StreamJoinOptions<V2> & LateJoinOptions<K, V, VR>,
  ): KStream<K, V2> {
    return this.#join(stream, { kind: 'outer', joiner: joiner as Joiner }, options) as KStream<K, V2>
  }

  /** Joins each record with the global table's row of a computed key; without a row there is no result. */
  joinGlobal<KT, VT, V2>(
    table: GlobalKTable<KT, VT>,
    select: (value: V, key: K) => KT | null,
    joiner: (value: V, row: VT, key: K) => V2 | null,
    options: ValueOptions<V2> = {},
  ): KStream<K, V2> {
    return this.#joinGlobal(
      table,
      { select: select as Mapper, joiner: joiner as Joiner, left: false },
      options,
    )
  }

  /** As `joinGlobal`; a record without a row joins with null. */
  leftJoinGlobal<KT, VT, V2>(
    table: GlobalKTable<KT, VT>,
    select: (value: V, key: K) => KT | null,
    joiner: (value: V, row: VT | null, key: K) => V2 | null,
    options: ValueOptions<V2> = {},
  ): KStream<K, V2> {
    return this.#joinGlobal(
      table,
      { select: select as Mapper, joiner: joiner as Joiner, left: true },
      options,
    )
  }

  /** Writes every record to the topic, in its codecs. */
  to(topic: Topic<K, V>, options?: SinkOptions<K, V>): void
  /**
   * Writes each record to the topic that a function names, one of those declared. Another name is a failure of the
   * record.
   *
   * @example
   * orders.to(order => (order.express ? 'fast' : 'slow'), { topics: [fast, slow] })
   */
  to(choose: (value: V, key: K, record: RecordContext) => string, options: DynamicSinkOptions<K, V>): void
  to(
    target: Topic<K, V> | ((value: V, key: K, record: RecordContext) => string),
    options: SinkOptions<K, V> | DynamicSinkOptions<K, V> = {},
  ): void {
    assertOptions('to', options, typeof target === 'function' ? optionNames.dynamicSink : optionNames.sink)
    planSink(this.#context.plan, this.#parts.node, { target, ...options } as SinkTargets)
  }

  #filter(
    operator: 'filter' | 'filterNot',
    predicate: (value: V, key: K) => boolean,
    options: NamedOptions,
  ): KStream<K, V> {
    assertFunctions(operator, { predicate })
    assertOptions(operator, options, optionNames.named)
    const create = filter(predicate as Predicate, operator === 'filter')
    return this.#then('KSTREAM-FILTER-', options, { create })
  }

  #join(other: unknown, join: { kind: JoinKind; joiner: Joiner }, options: unknown): KStream<K, unknown> {
    const isStream = other instanceof KStream
    assertFunctions('join', { joiner: join.joiner })
    assertOptions('join', options, isStream ? optionNames.streamJoin : optionNames.streamTableJoin)
    const { name } = options as NamedOptions
    if (!isStream) {
      const stream = this.#keyedParts(name)
      const table = partsOf(other as KTable<K, unknown>)
      const { joiner, kind } = join
      return joinStreamWithTable(this.#context, [stream, table], {
        ...(options as StreamTableJoinOptions<unknown>),
        joiner,
        left: kind === 'left',
      })
    }
    const stream = other as KStream<K, unknown>
    const left = this.#keyedParts(name === undefined ? undefined : `${name}-left`)
    const right =
      stream === this ? left : stream.#keyedParts(name === undefined ? undefined : `${name}-right`)
    return joinStreams(this.#context, [left, right], { ...(options as StreamJoinOptions<unknown>), ...join })
  }

  /** For an operator of this name; unnamed, a repartition topic is named after this stream's node. */
  #keyedParts(name: string | undefined): KeyedStream<K> {
    const { key, value, node } = this.#parts
    return { ...this.#keyed(name ?? node.name), key, value }
  }

  #joinGlobal<KT, VT, V2>(
    table: GlobalKTable<KT, VT>,
    join: { select: Mapper; joiner: Joiner; left: boolean },
    options: ValueOptions<V2>,
  ): KStream<K, V2> {
    assertFunctions('joinGlobal', { selector: join.select, joiner: join.joiner })
    assertOptions('joinGlobal', options, optionNames.value)
    const value = options.value ?? (defaultValueCodec as Codec<V2>)
    const { store, key: tableKey } = GlobalKTable.partsOf(table)
    const lookup = storeLookup(store)
    return this.#then(
      join.left ? 'KSTREAM-LEFTJOIN-' : 'KSTREAM-JOIN-',
      options,
      {
        create: streamGlobalJoin({ ...join, table: lookup, tableKey, value }),
        stores: () => lookup.stores(),
        relaxesNullKeys: join.left,
      },
      { value },
    )
  }

  /** This stream in partitions that follow its key: itself, or behind a repartition topic of the given name. */
  #keyed(name: string): { node: PlanNode; sources: readonly PlanNode[] } {
    const { node, sources, keyChanged, key, value } = this.#parts
    if (!keyChanged) return { node, sources }
    if (this.#repartitioned?.name !== name) {
      const source = repartitionStream(this.#context.plan, {
        parent: node,
        key,
        value,
        name,
        isMergeable: true,
      })
      this.#repartitioned = { name, source }
    } else {
      repartitionNames(this.#context.plan)
    }
    const { source } = this.#repartitioned
    return { node: source, sources: [source] }
  }

  /** A processor of the user's own with a name spends no number. */
  #processName(prefix: string, { name }: NamedOptions): NamedOptions {
    return { name: name ?? this.#context.plan.names.operator(prefix) }
  }

  #then<K2 = K, V2 = V>(
    prefix: string | undefined,
    { name }: NamedOptions,
    processor: PlanProcessor,
    changed: Partial<StreamParts<K2, V2>> = {},
  ): KStream<K2, V2> {
    const { plan } = this.#context
    const ownName = prefix === undefined ? (name as string) : plan.names.operator(prefix, name)
    const node = plan.addProcessor(ownName, [this.#parts.node], {
      ...processor,
      changes: changed.keyChanged === true ? 'key' : changed.value === undefined ? 'nothing' : 'value',
    })
    return this.#context.stream({
      ...(this.#parts as StreamParts<unknown, unknown>),
      ...changed,
      node,
    } as StreamParts<K2, V2>)
  }
}

/** The types see to it that keys other than strings come with a codec. */
export function keyCodecOf<K>(options: NamedOptions | KeyOptions<K>): Codec<K> {
  return 'key' in options ? options.key : (textKeyCodec as Codec<unknown> as Codec<K>)
}
