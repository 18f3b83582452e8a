import type { Codec } from '../../contracts/codec.ts'
import { int64, string } from '../../contracts/codecs.ts'
import { EvertError } from '../../errors.ts'
import { assert } from '../../internal/assert.ts'
import type { PlanNode } from '../graph/plan.ts'
import { passThrough } from '../processors/pass-through.ts'
import { type StreamFold, windowAggregate } from '../processors/window-aggregate.ts'
import { type Windowed, windowStoreKey } from '../processors/windowed-key.ts'
import type { TimeWindows } from '../processors/windows.ts'
import { coPartition, type DslContext } from './context.ts'
import type { KTable } from './ktable.ts'
import type { StoreOptions } from './options.ts'
import { newTableState, sourceParts, storesOf } from './table-parts.ts'

export interface WindowEmitOptions {
  /** `onUpdate` (default): every update of a window; `onWindowClose`: its final row, once (KIP-825). */
  readonly emit?: 'onUpdate' | 'onWindowClose'
}

export interface WindowStoreOptions extends StoreOptions {
  /** How long rows are kept behind stream time; at least, and by default, the window's size plus its grace. */
  readonly retentionMs?: number
}

export interface Windowing {
  readonly windows: TimeWindows
  readonly onClose: boolean
}

/** The node of a grouped stream, in partitions that follow the key, once the store's name is known. */
export type KeyedGroup<K> = (store: string) => {
  readonly node: PlanNode
  readonly sources: readonly PlanNode[]
  readonly key: Codec<K>
}

export interface WindowAggregation<K, A> {
  readonly groups: readonly { readonly keyed: KeyedGroup<K>; readonly fold: StreamFold }[]
  readonly value: Codec<A>
  readonly prefix: string
  readonly options: WindowStoreOptions
}

/** One operator per group over one store of windows; with several groups, a node where they meet. */
export function aggregateWindows<K, A>(
  context: DslContext,
  { windows, onClose }: Windowing,
  { groups, value, prefix, options }: WindowAggregation<K, A>,
): KTable<Windowed<K>, A> {
  const { plan } = context
  const retentionMs = retentionOf(windows, options)
  const store = options.store ?? plan.names.store(prefix)
  const keyed = groups.map(group => group.keyed(store))
  const [first] = keyed
  assert(first !== undefined, 'a windowed aggregate of nothing')
  const key = windowStoreKey(first.key, windows.sizeMs)
  const state = newTableState(value)
  const table = sourceParts(state, store, { plan, key })
  table.keepRows(store)
  const timeStore = `${store}-times`
  plan.addStore({ name: timeStore, key: string, value: int64, sourceTopic: undefined })
  const nodes = groups.map(({ fold }, operator) => {
    const name =
      options.name === undefined ? plan.names.operator(prefix) : operatorName(options.name, operator, groups)
    const { node } = keyed[operator] as (typeof keyed)[0]
    const create = windowAggregate({
      windows,
      fold,
      state,
      windowKey: key,
      timeStore,
      operator,
      retentionMs,
      onClose,
    })
    return plan.addProcessor(name, [node], { create, stores: () => [...storesOf(state), timeStore] })
  })
  const [only, ...others] = nodes as [PlanNode, ...PlanNode[]]
  const merged = { key, value, table, window: { ...windows, isSession: false } }
  if (others.length === 0) return context.table({ ...merged, node: only, sources: first.sources })
  const mergeName =
    options.name === undefined
      ? plan.names.operator('COGROUPKSTREAM-MERGE-')
      : `${options.name}-cogroup-merge`
  const node = plan.addProcessor(mergeName, nodes, { create: passThrough })
  const sources = coPartition(plan, mergeName, ...keyed.map(group => group.sources))
  return context.table({ ...merged, node, sources })
}

export function operatorName(name: string, operator: number, groups: readonly unknown[]): string {
  return groups.length === 1 ? name : `${name}-cogroup-agg-${operator}`
}

export function retentionOf(
  { sizeMs, graceMs }: { readonly sizeMs: number; readonly graceMs: number },
  options: WindowStoreOptions,
): number {
  const { retentionMs = sizeMs + graceMs } = options
  if (Number.isSafeInteger(retentionMs) && retentionMs >= sizeMs + graceMs) return retentionMs
  throw new EvertError(
    'INVALID_TOPOLOGY',
    `Windows of ${sizeMs} ms with a grace of ${graceMs} ms need a retentionMs of ${sizeMs + graceMs} or more; ` +
      `got ${retentionMs}.`,
  )
}
