import type { Codec } from '../../contracts/codec.ts'
import type { Joiner } from '../processors/functions.ts'
import { tableMerge } from '../processors/table-merge.ts'
import { joinedLookup, tableTableJoin } from '../processors/table-table-join.ts'
import { coPartition, type DslContext, type KTableParts } from './context.ts'
import { defaultValueCodec } from './default-codecs.ts'
import type { KTable } from './ktable.ts'
import type { StoreValueOptions } from './options.ts'
import { derivedParts, newTableState, storesOf } from './table-parts.ts'

export interface TableJoinOptions<V2> extends StoreValueOptions<V2> {
  readonly joiner: Joiner
  /** The joined row exists without a row on that side. */
  readonly withoutLeft: boolean
  readonly withoutRight: boolean
}

/** Two join nodes, one per side, and the node where they meet. */
export function joinTables<K, V, VT, V2>(
  context: DslContext,
  [left, right]: readonly [KTableParts<K, V>, KTableParts<K, VT>],
  options: TableJoinOptions<V2>,
): KTable<K, V2> {
  const { plan } = context
  const { joiner, withoutLeft, withoutRight, name } = options
  const mergeName = plan.names.operator('KTABLE-MERGE-', name)
  const sources = coPartition(plan, mergeName, left.sources, right.sources)
  // Only the old value tells a side that may stand alone whether there was a joined row to delete.
  if (withoutRight) left.table.requestOldValues(true)
  if (withoutLeft) right.table.requestOldValues(true)

  const value = options.value ?? (defaultValueCodec as Codec<V2>)
  const state = newTableState(value, { logged: options.logged })
  const thisName = plan.names.operator('KTABLE-JOINTHIS-', name && `${name}-join-this`)
  const otherName = plan.names.operator('KTABLE-JOINOTHER-', name && `${name}-join-other`)
  const lookups = { left: left.table.lookup(), right: right.table.lookup() }
  const thisNode = plan.addProcessor(thisName, [left.node], {
    create: tableTableJoin({
      side: { withoutThis: withoutLeft, withoutOther: withoutRight, isLeft: true },
      other: lookups.right,
      joiner,
      state,
    }),
    stores: () => lookups.right.stores(),
  })
  const otherNode = plan.addProcessor(otherName, [right.node], {
    create: tableTableJoin({
      side: { withoutThis: withoutRight, withoutOther: withoutLeft, isLeft: false },
      other: lookups.left,
      joiner,
      state,
    }),
    stores: () => lookups.left.stores(),
  })
  const table = derivedParts(
    state,
    {
      requestOldValues() {
        left.table.requestOldValues(true)
        right.table.requestOldValues(true)
        return true
      },
      lookup: () => joinedLookup(lookups, { withoutLeft, withoutRight }, joiner),
    },
    { plan, key: left.key },
  )
  if (options.store !== undefined) table.keepRows(options.store)
  const node = plan.addProcessor(mergeName, [thisNode, otherNode], {
    create: tableMerge(state),
    stores: () => storesOf(state),
  })
  return context.table({ node, key: left.key, value, sources, table })
}
