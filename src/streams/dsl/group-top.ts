import type { Codec } from '../../contracts/codec.ts'
import { bytes } from '../../contracts/codecs.ts'
import { EvertError } from '../../errors.ts'
import type { PlanNode } from '../graph/plan.ts'
import { groupTop } from '../processors/group-top.ts'
import { countedRow, rowList } from '../processors/row-list.ts'
import type { DslContext } from './context.ts'
import type { KTable } from './ktable.ts'
import type { StoreOptions } from './options.ts'
import { newTableState, sourceParts, storesOf } from './table-parts.ts'

export interface TopOptions<V> extends StoreOptions {
  /** What rows are ranked by. It must depend on the row alone. Rows of one rank follow in the order of their bytes. */
  readonly by: (value: V) => number
  /** `desc` (default): the greatest first. */
  readonly order?: 'desc' | 'asc'
}

export interface TopGroup<K, V> {
  readonly key: Codec<K>
  readonly value: Codec<V>
  /** The node with the members of the groups, once the store's name is known. */
  readonly keyed: (store: string) => { node: PlanNode; sources: readonly PlanNode[] }
  readonly keepsAll: boolean
}

/** The table of the first `limit` members of each group, in order. Throws INVALID_TOPOLOGY. */
export function topOfGroups<K, V>(
  context: DslContext,
  { key, value: member, keyed, keepsAll }: TopGroup<K, V>,
  { limit, by, order = 'desc', ...options }: TopOptions<V> & { readonly limit: number },
): KTable<K, readonly V[]> {
  const { plan } = context
  const prefix = keepsAll ? 'KTABLE-TOP-' : 'KSTREAM-TOP-'
  const store = options.store ?? plan.names.store(prefix)
  const name = plan.names.operator(prefix, options.name)
  assertTop(name, { limit, by, order })
  const { node: parent, sources } = keyed(store)
  const value = rowList(member)
  const state = newTableState(value, { logged: options.logged })
  const table = sourceParts(state, store, { plan, key })
  table.keepRows(store)
  const members = `${store}-members`
  plan.addStore({
    name: members,
    // Ranks are written so that the first one wanted comes first.
    key: { ...bytes, name: `ranked-${order}` },
    value: countedRow(member),
    sourceTopic: undefined,
    logged: state.logged,
  })
  const rank = by as (row: unknown) => unknown
  const node = plan.addProcessor(name, [parent], {
    create: groupTop({ limit, rank, descending: order === 'desc', member, members, state, keepsAll }),
    stores: () => [...storesOf(state), members],
  })
  return context.table({ node, key, value, sources, table })
}

function assertTop(name: string, { limit, by, order }: { limit: number; by: unknown; order: string }): void {
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `The operator "${name}" keeps the first rows of each group: their number must be whole, 1 or more; got ${limit}.`,
    )
  }
  if (typeof by !== 'function' || (order !== 'desc' && order !== 'asc')) {
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `The operator "${name}" needs { by: row => number }, and an order of "desc" or "asc" if any.`,
    )
  }
}
