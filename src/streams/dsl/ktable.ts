import type { Codec } from '../../contracts/codec.ts'
import { EvertError } from '../../errors.ts'
import type { PlanNode } from '../graph/plan.ts'
import type { Joiner, Mapper, Predicate } from '../processors/functions.ts'
import type { ReadOnlyStore } from '../processors/processor-store.ts'
import { CONNECTION, type StoreConnection, type StoreDeclaration } from '../processors/store-declaration.ts'
import { passThrough } from '../processors/pass-through.ts'
import { filteredLookup, tableFilter } from '../processors/table-filter.ts'
import { byKey, type RowSelector, tableGroupBy } from '../processors/table-group-by.ts'
import { mappedLookup, tableMapValues } from '../processors/table-map-values.ts'
import type { Windowed } from '../processors/windowed-key.ts'
import type { DslContext, KTableParts } from './context.ts'
import { defaultValueCodec, textKeyCodec } from './default-codecs.ts'
import { joinByForeignKey } from './foreign-key-join.ts'
import { KGroupedTable } from './kgrouped-table.ts'
import type { KStream } from './kstream.ts'
import { assertFunctions, assertOptions } from './operator-calls.ts'
import { optionNames } from './option-names.ts'
import type { ChangeOptions, KeyOptions, NamedOptions, StoreOptions, StoreValueOptions } from './options.ts'
import {
  type SuppressOptions,
  suppressUntilTimeLimit,
  suppressUntilWindowCloses,
  type TimeLimitOptions,
} from './suppress.ts'
import { joinTables } from './table-join.ts'
import { tableConnection } from './table-connection.ts'
import { derivedParts, newTableState, requestOldRows, storesOf, type TableParts } from './table-parts.ts'
import { View, type ViewOptions } from './view.ts'

/**
 * A table: the latest value per key, and the stream of its changes (Kafka Streams: KTable). Callbacks take the value
 * first, then the key; they never see null. Values are shared between operators and must not be mutated.
 */
export class KTable<K, V> implements StoreDeclaration<ReadOnlyStore<K, V>> {
  readonly #context: DslContext
  readonly #parts: KTableParts<K, V>

  constructor(context: DslContext, parts: KTableParts<K, V>) {
    this.#context = context
    this.#parts = parts
  }

  /** The table of the rows for which the predicate holds. */
  filter<V2 extends V>(predicate: (value: V, key: K) => value is V2, options?: StoreOptions): KTable<K, V2>
  filter(predicate: (value: V, key: K) => boolean, options?: StoreOptions): KTable<K, V>
  filter(predicate: (value: V, key: K) => boolean, options: StoreOptions = {}): KTable<K, V> {
    return this.#filter(predicate as Predicate, true, options)
  }

  /** The table of the rows for which the predicate does not hold. */
  filterNot(predicate: (value: V, key: K) => boolean, options: StoreOptions = {}): KTable<K, V> {
    return this.#filter(predicate as Predicate, false, options)
  }

  /**
   * The table of mapped rows (Kafka Streams: mapValues). A mapper that returns null removes the row. With
   * `emitOnChange` only mapped rows that differ from the one before go on.
   *
   * @example
   * orders.map(order => order.state, { emitOnChange: true })
   */
  map<V2>(
    mapper: (value: V, key: K) => V2 | null,
    options: StoreValueOptions<V2> & ChangeOptions = {},
  ): KTable<K, V2> {
    assertFunctions('map', { mapper })
    assertOptions('map', options, optionNames.storeValueChange)
    const value = options.value ?? (defaultValueCodec as Codec<V2>)
    const { table: parent } = this.#parts
    const state = newTableState(value, options)
    if (state.emitOnChange) requestOldRows(parent, options.name)
    const table = derivedParts(
      state,
      {
        requestOldValues: force => parent.requestOldValues(force),
        lookup: () => mappedLookup(mapper as Mapper, parent.lookup()),
        historyRetentionMs: () => parent.historyRetentionMs(),
      },
      { plan: this.#context.plan, key: this.#parts.key },
    )
    return this.#derive('KTABLE-MAPVALUES-', options, {
      value,
      table,
      create: tableMapValues(mapper as Mapper, state),
    })
  }

  /** The stream of the table's changes: the new value under its key, null for a deletion. */
  toStream(options: NamedOptions = {}): KStream<K, V> {
    assertOptions('toStream', options, optionNames.named)
    const { plan } = this.#context
    const { key, value, sources } = this.#parts
    const name = plan.names.operator('KTABLE-TOSTREAM-', options.name)
    const node = plan.addProcessor(name, [this.#parts.node], { create: passThrough })
    return this.#context.stream({ node, key, value, sources, keyChanged: false })
  }

  /**
   * Groups rows by a computed key, for an aggregate that follows every change of the table. With `value` in the
   * options the selector returns `[key, value]`. A row whose new key or value is null belongs to no group.
   */
  groupBy(select: (value: V, key: K) => string | null, options?: NamedOptions): KGroupedTable<string, V>
  groupBy<K2, V2>(
    select: (value: V, key: K) => readonly [K2 | null, V2 | null],
    options: KeyOptions<K2> & { readonly value: Codec<V2> },
  ): KGroupedTable<K2, V2>
  groupBy<K2>(select: (value: V, key: K) => K2 | null, options: KeyOptions<K2>): KGroupedTable<K2, V>
  groupBy(
    select: (value: V, key: K) => unknown,
    options: NamedOptions & { readonly key?: Codec<unknown>; readonly value?: Codec<unknown> } = {},
  ): unknown {
    assertFunctions('groupBy', { selector: select })
    assertOptions('groupBy', options, optionNames.keyAndValue)
    const { plan } = this.#context
    const name = plan.names.operator('KTABLE-SELECT-', options.name)
    const { key = textKeyCodec, value = this.#parts.value } = options
    const selector = options.value === undefined ? byKey(select as Mapper) : (select as RowSelector)
    const node = plan.addProcessor(name, [this.#parts.node], {
      create: tableGroupBy(selector, { key, value }),
    })
    this.#parts.table.requestOldValues(true)
    return new KGroupedTable(this.#context, { node, key, value }, options.name)
  }

  /**
   * The table of the pairs of rows with the same key; a key without a row on either side has none. As in Kafka Streams,
   * the two must not be computed from the same rows (`a.join(a.map(…), …)`): when such a row is deleted, each side
   * already misses the other, and the joined row stays. Compute both in one `map`; `joinTables` refuses such members.
   */
  join<VT, V2>(
    other: KTable<K, VT>,
    joiner: (left: V, right: VT, key: K) => V2 | null,
    options: StoreValueOptions<V2> = {},
  ): KTable<K, V2> {
    return this.#join(other, joiner as Joiner, { ...options, withoutLeft: false, withoutRight: false })
  }

  /** As `join`; a row of this table alone joins with null. */
  leftJoin<VT, V2>(
    other: KTable<K, VT>,
    joiner: (left: V, right: VT | null, key: K) => V2 | null,
    options: StoreValueOptions<V2> = {},
  ): KTable<K, V2> {
    return this.#join(other, joiner as Joiner, { ...options, withoutLeft: false, withoutRight: true })
  }

  /** As `join`; a row of either table alone joins with null. */
  outerJoin<VT, V2>(
    other: KTable<K, VT>,
    joiner: (left: V | null, right: VT | null, key: K) => V2 | null,
    options: StoreValueOptions<V2> = {},
  ): KTable<K, V2> {
    return this.#join(other, joiner as Joiner, { ...options, withoutLeft: true, withoutRight: true })
  }

  /**
   * The table of this table's rows joined with the row of the other that their value points to. Both sides cause
   * results; a row whose foreign key is null, or leads nowhere, has none (KIP-213).
   *
   * @example
   * orders.joinByForeignKey(customers, order => order.customerId, (order, customer) => ({ order, customer }))
   */
  joinByForeignKey<KF, VF, V2>(
    other: KTable<KF, VF>,
    foreignKeyOf: (value: V, key: K) => KF | null,
    joiner: (left: V, right: VF, key: K) => V2 | null,
    options: StoreValueOptions<V2> = {},
  ): KTable<K, V2> {
    assertFunctions('joinByForeignKey', { 'foreign key': foreignKeyOf, joiner })
    assertOptions('joinByForeignKey', options, optionNames.storeValue)
    const join = { foreignKeyOf: foreignKeyOf as Mapper, joiner: joiner as Joiner, left: false }
    return joinByForeignKey(this.#context, [this.#parts, other.#parts], { ...options, ...join })
  }

  /** As `joinByForeignKey`; a row that points nowhere joins with null. */
  leftJoinByForeignKey<KF, VF, V2>(
    other: KTable<KF, VF>,
    foreignKeyOf: (value: V, key: K) => KF | null,
    joiner: (left: V, right: VF | null, key: K) => V2 | null,
    options: StoreValueOptions<V2> = {},
  ): KTable<K, V2> {
    assertFunctions('leftJoinByForeignKey', { 'foreign key': foreignKeyOf, joiner })
    assertOptions('leftJoinByForeignKey', options, optionNames.storeValue)
    const join = { foreignKeyOf: foreignKeyOf as Mapper, joiner: joiner as Joiner, left: true }
    return joinByForeignKey(this.#context, [this.#parts, other.#parts], { ...options, ...join })
  }

  /**
   * Of a table of windows, only the final row of each, once its window has closed; rows wait until then, in a buffer
   * that stops the task with BUFFER_FULL when it has a limit and would pass it. Throws INVALID_TOPOLOGY for a table
   * whose keys are no windows, or windows that never close. (Kafka Streams: suppress, untilWindowCloses.)
   *
   * @example
   * orders.groupByKey().windowedBy(tumbling({ sizeMs: 60_000, graceMs: 5_000 })).count().suppressUntilWindowCloses()
   */
  suppressUntilWindowCloses<W>(
    this: KTable<Windowed<W>, V>,
    options: SuppressOptions = {},
  ): KTable<Windowed<W>, V> {
    assertOptions('suppressUntilWindowCloses', options, optionNames.suppress)
    return suppressUntilWindowCloses(this.#context, this.#parts, options)
  }

  /**
   * The table with fewer changes: a change waits for `timeLimitMs` of stream time, and of all that come for its key in
   * the meantime only the latest goes out. (Kafka Streams: suppress, untilTimeLimit.)
   *
   * @example
   * prices.suppressUntilTimeLimit(1_000, { maxRecords: 10_000 })
   */
  suppressUntilTimeLimit(timeLimitMs: number, options: TimeLimitOptions = {}): KTable<K, V> {
    assertOptions('suppressUntilTimeLimit', options, optionNames.timeLimit)
    return suppressUntilTimeLimit(this.#context, this.#parts, timeLimitMs, options)
  }

  /**
   * Keeps the rows in a store of this name and returns the handle that queries it once the application runs. A table
   * with a `{ store }` of its own, or an earlier view, keeps that name.
   */
  view(name: string, options: ViewOptions<V> = {}): View<K, V> {
    assertOptions('view', options, optionNames.view)
    const view = new View<K, V>(name, options)
    this.#parts.table.nameRows(name)
    this.#context.plan.addView({ name, table: this.#parts.table.state, view })
    return view
  }

  #filter(predicate: Predicate, keep: boolean, options: StoreOptions): KTable<K, V> {
    const operator = keep ? 'filter' : 'filterNot'
    assertFunctions(operator, { predicate })
    assertOptions(operator, options, optionNames.store)
    const { table: parent, value } = this.#parts
    const state = newTableState(value, { logged: options.logged })
    // A filter passes on fewer tombstones when the old values come for free.
    state.sendOldValues = parent.requestOldValues(false)
    const table = derivedParts(
      state,
      {
        requestOldValues: force => parent.requestOldValues(force),
        lookup: () => filteredLookup(predicate, keep, parent.lookup()),
        historyRetentionMs: () => parent.historyRetentionMs(),
      },
      { plan: this.#context.plan, key: this.#parts.key },
    )
    return this.#derive('KTABLE-FILTER-', options, {
      value,
      table,
      create: tableFilter(
        predicate,
        { keep, versioned: () => parent.historyRetentionMs() !== undefined },
        state,
      ),
    })
  }

  #derive<V2>(
    prefix: string,
    options: StoreOptions,
    derived: {
      value: Codec<V2>
      table: TableParts
      create: Parameters<DslContext['plan']['addProcessor']>[2]['create']
    },
  ): KTable<K, V2> {
    const { plan } = this.#context
    const { value, table, create } = derived
    if (options.store !== undefined) table.keepRows(options.store)
    const name = plan.names.operator(prefix, options.name)
    const node: PlanNode = plan.addProcessor(name, [this.#parts.node], {
      create,
      stores: () => storesOf(table.state),
    })
    const { key, sources, window } = this.#parts
    return this.#context.table({ node, key, value, sources, table, window })
  }

  #join<VT, V2>(
    other: KTable<K, VT>,
    joiner: Joiner,
    options: StoreValueOptions<V2> & { withoutLeft: boolean; withoutRight: boolean },
  ): KTable<K, V2> {
    const { withoutLeft: _left, withoutRight: _right, ...own } = options
    assertFunctions('join', { joiner })
    assertOptions('join', own, optionNames.storeValue)
    return joinTables<K, V, VT, V2>(this.#context, [this.#parts, other.#parts], { ...options, joiner })
  }

  /** What a processor that names the table under its `stores` gets: the rows, read only. */
  get [CONNECTION](): StoreConnection<ReadOnlyStore<K, V>> {
    const { table, key } = this.#parts
    return tableConnection(this.#context.plan, table, key)
  }

  /** The parts of a table, for the operators that join it. */
  static partsOf<K, V>(table: KTable<K, V>): KTableParts<K, V> {
    return table.#parts
  }

  static contextOf(table: KTable<unknown, unknown>): DslContext {
    return table.#context
  }
}

export function partsOf<K, V>(table: KTable<K, V>): KTableParts<K, V> {
  return KTable.partsOf(table)
}

/** The context that all of these tables have; by their names in errors. Throws INVALID_TOPOLOGY. */
export function contextOf(tables: readonly (readonly [name: string, table: unknown])[]): DslContext {
  let context: DslContext | undefined
  for (const [name, table] of tables) {
    if (!(table instanceof KTable)) {
      throw new EvertError('INVALID_TOPOLOGY', `"${name}" is no table. Join tables: make one with toTable().`)
    }
    context ??= KTable.contextOf(table)
    if (context === KTable.contextOf(table)) continue
    throw new EvertError('INVALID_TOPOLOGY', `"${name}" is a table of another builder. Join tables of one.`)
  }
  if (context === undefined)
    throw new EvertError('INVALID_TOPOLOGY', 'A join of no tables. Give it two or more.')
  return context
}
