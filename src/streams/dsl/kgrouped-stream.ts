import type { Codec } from '../../contracts/codec.ts'
import type { PlanNode } from '../graph/plan.ts'
import type { Aggregator, Initializer, Reducer } from '../processors/functions.ts'
import type { TableState } from '../processors/materialised.ts'
import type { ProcessorFactory } from '../processors/processor.ts'
import type { SessionWindows, SlidingWindows, TimeWindows, UnlimitedWindows } from '../processors/windows.ts'
import { streamAggregate, streamCount, streamReduce } from '../processors/stream-aggregate.ts'
import { CogroupedKStream } from './cogrouped-kstream.ts'
import type { DslContext, StreamParts } from './context.ts'
import { countCodec, defaultValueCodec } from './default-codecs.ts'
import { type TopOptions, topOfGroups } from './group-top.ts'
import type { KTable } from './ktable.ts'
import { SessionKStream } from './session-kstream.ts'
import type { UnlimitedKStream } from './narrowed-tables.ts'
import { assertFunctions, assertOptions } from './operator-calls.ts'
import { optionNames } from './option-names.ts'
import type { RowOptions, RowValueOptions } from './options.ts'
import { repartitionNames, repartitionStream } from './repartitioning.ts'
import { planRows } from './table-expiry.ts'
import { newTableState, sourceParts } from './table-parts.ts'
import { sessionOperator, windowOperator, type WindowOptions } from './window-operator.ts'
import { WindowedKStream } from './windowed-kstream.ts'

/**
 * A stream grouped by key (Kafka Streams: KGroupedStream). Each aggregate is a table with one row per key; records
 * without key or value are dropped; the row's timestamp is the greatest of its records.
 */
export class KGroupedStream<K, V> {
  readonly #context: DslContext
  readonly #parts: StreamParts<K, V>
  readonly #name: string | undefined
  #repartitioned: PlanNode | undefined

  constructor(context: DslContext, parts: StreamParts<K, V>, name: string | undefined) {
    this.#context = context
    this.#parts = parts
    this.#name = name
  }

  /** The number of records. */
  count(options: RowOptions = {}): KTable<K, number> {
    assertOptions('count', options, optionNames.row)
    return this.#aggregate('KSTREAM-AGGREGATE-', countCodec, options, streamCount)
  }

  /** Folds the values of a key into one; its first value is taken as it is. A reducer that returns null deletes. */
  reduce(reducer: (aggregate: V, value: V) => V | null, options: RowOptions = {}): KTable<K, V> {
    assertFunctions('reduce', { reducer })
    assertOptions('reduce', options, optionNames.row)
    return this.#aggregate('KSTREAM-REDUCE-', this.#parts.value, options, state =>
      streamReduce(reducer as Reducer, state),
    )
  }

  /**
   * Folds the values of a key into an aggregate that begins as `initial()`. An aggregator that returns null deletes the
   * row; the next record begins anew. It must return a new value and leave the old one as it is.
   */
  aggregate<A>(
    initial: () => A,
    aggregator: (aggregate: A, value: V, key: K) => A | null,
    options: RowValueOptions<A> = {},
  ): KTable<K, A> {
    assertFunctions('aggregate', { initial, aggregator })
    assertOptions('aggregate', options, optionNames.rowValue)
    const value = options.value ?? (defaultValueCodec as Codec<A>)
    return this.#aggregate('KSTREAM-AGGREGATE-', value, options, state =>
      streamAggregate(initial as Initializer, aggregator as Aggregator, state),
    )
  }

  /**
   * The first `limit` of all values that came for a key, in order; goes out when it changes. Equal values count as
   * often as they came.
   *
   * @example
   * bids.groupByKey().top(3, { by: bid => bid.amount })
   */
  top(limit: number, options: TopOptions<V>): KTable<K, readonly V[]> {
    assertOptions('top', options, optionNames.top)
    const { key, value } = this.#parts
    const keyed = (store: string) => this.#keyed(store)
    return topOfGroups(this.#context, { key, value, keyed, keepsAll: false }, { ...options, limit })
  }

  /**
   * Begins an aggregate over several grouped streams with the same keys, which share one row per key; each has an
   * aggregator of its own (KIP-150).
   *
   * @example
   * payments.cogroup((account, payment) => account + payment.amount)
   *   .cogroup(refunds, (account, refund) => account - refund.amount)
   *   .aggregate(() => 0, { store: 'accounts' })
   */
  cogroup<A>(aggregator: (aggregate: A, value: V, key: K) => A | null): CogroupedKStream<K, A> {
    return new CogroupedKStream<K, A>(this.#context, []).cogroup(this, aggregator)
  }

  /** Groups by time as well: an aggregate has a row per key and window. */
  windowedBy(windows: TimeWindows | SlidingWindows, options?: WindowOptions<K, V>): WindowedKStream<K, V>
  windowedBy(windows: UnlimitedWindows): UnlimitedKStream<K, V>
  windowedBy(
    windows: TimeWindows | SlidingWindows | UnlimitedWindows,
    options?: WindowOptions<K, V>,
  ): WindowedKStream<K, V> {
    const operator = windowOperator(windows, options)
    const group = (store: string) => this.keyed(store)
    return new WindowedKStream<K, V>(this.#context, operator, { group, value: this.#parts.value })
  }

  /** Groups by sessions of activity: an aggregate has a row per key and session. */
  sessions(windows: SessionWindows, options: WindowOptions<K, V> = {}): SessionKStream<K, V> {
    const operator = sessionOperator(windows, options)
    const group = (store: string) => this.keyed(store)
    return new SessionKStream<K, V>(this.#context, operator, { group, value: this.#parts.value })
  }

  /** The node to aggregate, in partitions that follow the key; for the aggregates of `CogroupedKStream`. */
  keyed(store: string): { node: PlanNode; sources: readonly PlanNode[]; key: Codec<K> } {
    return { ...this.#keyed(store), key: this.#parts.key }
  }

  #aggregate<A>(
    prefix: string,
    value: Codec<A>,
    options: RowOptions,
    create: (state: TableState) => ProcessorFactory,
  ): KTable<K, A> {
    const { plan } = this.#context
    const { key } = this.#parts
    const store = options.store ?? plan.names.store(prefix)
    const name = plan.names.operator(prefix, options.name)
    const { node: parent, sources } = this.#keyed(store)
    const state = newTableState(value, options)
    const table = sourceParts(state, store, { plan, key })
    table.keepRows(store)
    const rows = { name, key, state, create: create(state), keepsGreatestTime: true }
    const node = plan.addProcessor(name, [parent], planRows(plan, rows, options))
    return this.#context.table({ node, key, value, sources, table })
  }

  /** Aggregates of one named grouping share its repartition topic; of an unnamed one each has its own. */
  #keyed(store: string): { node: PlanNode; sources: readonly PlanNode[] } {
    const { node, sources, keyChanged, key, value } = this.#parts
    if (!keyChanged) return { node, sources }
    const { plan } = this.#context
    if (this.#name === undefined || this.#repartitioned === undefined) {
      this.#repartitioned = repartitionStream(plan, {
        parent: node,
        key,
        value,
        name: this.#name ?? store,
        isMergeable: true,
      })
    } else {
      repartitionNames(plan)
    }
    const source = this.#repartitioned
    return { node: source, sources: [source] }
  }
}
