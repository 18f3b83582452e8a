import type { Codec } from '../../contracts/codec.ts'
import { EvertError } from '../../errors.ts'
import { tableMerge } from '../processors/table-merge.ts'
import { type RowsJoiner, tablesJoin, tablesJoinLookup } from '../processors/tables-join.ts'
import { coPartition } from './context.ts'
import { defaultValueCodec } from './default-codecs.ts'
import { assertIndependent } from './dependent-tables.ts'
import { contextOf, type KTable, partsOf } from './ktable.ts'
import { assertFunctions, assertOptions } from './operator-calls.ts'
import { optionNames } from './option-names.ts'
import type { StoreValueOptions } from './options.ts'
import { derivedParts, newTableState, storesOf } from './table-parts.ts'

/** What the joiner gets: a row of each member, or null for one that is optional. */
export type JoinedRows<M, O> = {
  readonly [N in keyof M]: N extends O ? M[N] | null : M[N]
}

export interface JoinTablesOptions<V2, O extends string> extends StoreValueOptions<V2> {
  /**
   * Members without which the joined row exists all the same. When all are, it exists as soon as one has a row.
   * Default: none.
   */
  readonly optional?: readonly O[]
}

/** Anything with keys of one type: what the members of a join have in common. */
interface KeyedBy<K> {
  filterNot(predicate: (value: unknown, key: K) => boolean): unknown
}

/**
 * Joins any number of tables by their keys, at once: one row per key for which every member has a row (those that are
 * `optional` aside). It is the table that a chain of `join`, `leftJoin` and `outerJoin` gives, without its intermediate
 * rows. The joiner gets the rows by the names that the members have here; null from it removes the row. Throws
 * INVALID_TOPOLOGY for tables of different builders, for names that no member has, and for members of which one is
 * computed from another or two from one table: the joiner can compute what they have.
 *
 * @example
 * joinTables(
 *   { order: orders, payment: payments, shipment: shipments },
 *   ({ order, payment, shipment }) => ({ ...order, paid: payment.amount, shippedAt: shipment?.at ?? null }),
 *   { optional: ['shipment'] },
 * )
 */
export function joinTables<K, M, V2, const O extends keyof M & string = never>(
  members: { readonly [N in keyof M]: KTable<K, M[N]> } & Readonly<Record<string, KeyedBy<K>>>,
  joiner: (rows: JoinedRows<M, O>, key: K) => V2 | null,
  options: JoinTablesOptions<V2, O> = {},
): KTable<K, V2> {
  assertFunctions('joinTables', { joiner })
  assertOptions('joinTables', options, optionNames.joinTables)
  const tables = Object.entries(members) as unknown as [string, KTable<K, unknown>][]
  const optional: readonly string[] = options.optional ?? []
  const context = contextOf(tables)
  const { plan } = context
  const name = plan.names.operator('KTABLE-JOINTABLES-', options.name)
  assertMembers(name, tables, optional)
  const parts = tables.map(([, table]) => partsOf(table))
  const sources = coPartition(plan, name, ...parts.map(each => each.sources))
  // Only the old value tells whether there was a joined row to delete.
  for (const { table } of parts) table.requestOldValues(true)
  const value = options.value ?? (defaultValueCodec as Codec<V2>)
  const state = newTableState(value, { logged: options.logged })
  const join = {
    members: tables.map(([member], index) => ({
      name: member,
      lookup: (parts[index] as (typeof parts)[number]).table.lookup(),
      optional: optional.includes(member),
    })),
    joiner: joiner as RowsJoiner,
  }
  assertIndependent(
    name,
    join.members.map((member, index) => ({
      name: member.name,
      node: (parts[index] as (typeof parts)[number]).node,
      stores: member.lookup.stores(),
    })),
  )
  const nodes = parts.map(({ node }, own) =>
    plan.addProcessor(`${name}-${own}`, [node], {
      create: tablesJoin({ ...join, state }, own),
      stores: () => join.members.toSpliced(own, 1).flatMap(({ lookup }) => lookup.stores()),
    }),
  )
  const [{ key }] = parts as [(typeof parts)[number]]
  const table = derivedParts(
    state,
    {
      requestOldValues: () => true,
      lookup: () => tablesJoinLookup(join),
    },
    { plan, key },
  )
  if (options.store !== undefined) table.keepRows(options.store)
  const node = plan.addProcessor(name, nodes, { create: tableMerge(state), stores: () => storesOf(state) })
  return context.table({ node, key, value, sources, table })
}

function assertMembers(
  name: string,
  tables: readonly (readonly [string, unknown])[],
  optional: readonly string[],
): void {
  const names = tables.map(([member]) => member)
  if (names.length < 2) {
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `The join "${name}" has ${names.length === 1 ? 'one table' : 'no tables'}. Give it two or more.`,
    )
  }
  for (const member of optional) {
    if (names.includes(member)) continue
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `The join "${name}" has no member "${member}" that could be optional. Its members are ${names.join(', ')}.`,
    )
  }
}
