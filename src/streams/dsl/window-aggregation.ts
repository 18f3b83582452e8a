import type { Codec } from '../../contracts/codec.ts'
import { bytes, int64, string } from '../../contracts/codecs.ts'
import { EvertError } from '../../errors.ts'
import { assert } from '../../internal/assert.ts'
import type { PlanNode } from '../graph/plan.ts'
import { passThrough } from '../processors/pass-through.ts'
import type { Windowed } from '../processors/windowed-key.ts'
import { coPartition, type DslContext } from './context.ts'
import { keyGroups } from './keyed-groups.ts'
import type { KTable } from './ktable.ts'
import type { StoreOptions } from './options.ts'
import { planSink } from './sinks.ts'
import { newTableState, sourceParts, storesOf } from './table-parts.ts'
import type { WindowOperator } from './window-operator.ts'

export interface WindowStoreOptions extends StoreOptions {
  /**
   * How long rows are kept behind stream time. Default, and the least: as long as records may need them, which is the
   * size (or the gap) and the grace, and of sliding windows three times the time difference and the grace.
   */
  readonly retentionMs?: number
}

/** The node of a grouped stream, in partitions that follow the key, once the store's name is known. */
export type KeyedGroup<K> = (store: string) => {
  readonly node: PlanNode
  readonly sources: readonly PlanNode[]
  readonly key: Codec<K>
}

export interface WindowAggregation<K, A, F> {
  readonly groups: readonly { readonly keyed: KeyedGroup<K>; readonly fold: F }[]
  readonly value: Codec<A>
  readonly prefix: string
  readonly options: WindowStoreOptions
}

/** One operator per group over one store of windows; with several groups, a node where they meet. */
export function aggregateWindows<K, A, F>(
  context: DslContext,
  windows: WindowOperator<F>,
  { groups, value, prefix, options }: WindowAggregation<K, A, F>,
): KTable<Windowed<K>, A> {
  const { plan } = context
  const retentionMs = retentionOf(windows, options)
  const store = options.store ?? plan.names.store(prefix)
  const keyed = keyGroups(plan, store, groups)
  const [first] = keyed
  assert(first !== undefined, 'a windowed aggregate of nothing')
  const key = windows.storeKey(first.key)
  const state = newTableState(value, { logged: options.logged })
  const table = sourceParts(state, store, { plan, key, stored: windows.stored(value) })
  table.keepRows(store)
  const timeStore = `${store}-times`
  const indexStore = `${store}-by-key`
  const besides = [...(windows.hasIndex ? [indexStore] : []), ...(windows.hasTimes ? [timeStore] : [])]
  const { logged } = state
  const beside = { value: int64, sourceTopic: undefined, logged, isHidden: true }
  if (windows.hasIndex) plan.addStore({ name: indexStore, key: bytes, ...beside })
  if (windows.hasTimes) plan.addStore({ name: timeStore, key: string, ...beside })
  const nodes = groups.map(({ fold }, operator) => {
    const name = plan.names.operator(prefix, options.name && operatorName(options.name, operator, groups))
    const { node } = keyed[operator] as (typeof keyed)[0]
    const parts = { state, windowKey: key, indexStore, timeStore, operator, retentionMs }
    const create = windows.create(fold, parts)
    const aggregate = plan.addProcessor(name, [node], {
      create,
      stores: () => [...storesOf(state), ...besides],
    })
    // Before whatever follows: sendingLate takes it for the first child.
    if (windows.lateTo !== undefined)
      planSink(plan, aggregate, { target: windows.lateTo, name: `${name}-late` })
    return aggregate
  })
  const [only, ...others] = nodes as [PlanNode, ...PlanNode[]]
  const merged = { key, value, table, window: windows.window }
  if (others.length === 0) return context.table({ ...merged, node: only, sources: first.sources })
  const mergeName = plan.names.operator(
    'COGROUPKSTREAM-MERGE-',
    options.name && `${options.name}-cogroup-merge`,
  )
  const node = plan.addProcessor(mergeName, nodes, { create: passThrough })
  const sources = coPartition(plan, mergeName, ...keyed.map(group => group.sources))
  return context.table({ ...merged, node, sources })
}

function operatorName(name: string, operator: number, groups: readonly unknown[]): string {
  return groups.length === 1 ? name : `${name}-cogroup-agg-${operator}`
}

function retentionOf(
  { minRetentionMs }: { readonly minRetentionMs: number },
  { retentionMs = minRetentionMs }: WindowStoreOptions,
): number {
  if (retentionMs === minRetentionMs) return retentionMs
  if (Number.isSafeInteger(retentionMs) && retentionMs >= minRetentionMs) return retentionMs
  throw new EvertError(
    'INVALID_TOPOLOGY',
    minRetentionMs === Infinity
      ? `The row of an unlimited window is kept forever; leave out retentionMs ${retentionMs}.`
      : `Records may need the rows of these windows for ${minRetentionMs} ms: their retentionMs must be that or more; ` +
          `got ${retentionMs}.`,
  )
}
