import type { Codec } from '../../contracts/codec.ts'
import { bytes, int64, string } from '../../contracts/codecs.ts'
import { assert } from '../../internal/assert.ts'
import type { PlanNode } from '../graph/plan.ts'
import { passThrough } from '../processors/pass-through.ts'
import { type SessionFold, sessionWindowAggregate } from '../processors/session-aggregate.ts'
import { sessionStoreKey } from '../processors/session-key.ts'
import type { Windowed } from '../processors/windowed-key.ts'
import type { SessionWindows } from '../processors/windows.ts'
import { coPartition, type DslContext } from './context.ts'
import type { KTable } from './ktable.ts'
import { newTableState, sourceParts, storesOf } from './table-parts.ts'
import { type KeyedGroup, operatorName, retentionOf, type WindowStoreOptions } from './window-aggregation.ts'

export interface SessionWindowing {
  readonly windows: SessionWindows
  readonly onClose: boolean
}

export interface SessionAggregation<K, A> {
  readonly groups: readonly { readonly keyed: KeyedGroup<K>; readonly fold: SessionFold }[]
  readonly value: Codec<A>
  readonly prefix: string
  readonly options: WindowStoreOptions
}

/** As aggregateWindows, for sessions. */
export function aggregateSessions<K, A>(
  context: DslContext,
  { windows, onClose }: SessionWindowing,
  { groups, value, prefix, options }: SessionAggregation<K, A>,
): KTable<Windowed<K>, A> {
  const { plan } = context
  const window = { sizeMs: windows.gapMs, graceMs: windows.graceMs, isSession: true }
  const retentionMs = retentionOf(window, options)
  const store = options.store ?? plan.names.store(prefix)
  const keyed = groups.map(group => group.keyed(store))
  const [first] = keyed
  assert(first !== undefined, 'a session aggregate of nothing')
  const key = sessionStoreKey(first.key)
  const state = newTableState(value)
  const table = sourceParts(state, store, { plan, key })
  table.keepRows(store)
  const indexStore = `${store}-by-key`
  const timeStore = `${store}-times`
  plan.addStore({ name: indexStore, key: bytes, value: int64, sourceTopic: undefined })
  plan.addStore({ name: timeStore, key: string, value: int64, sourceTopic: undefined })
  const nodes = groups.map(({ fold }, operator) => {
    const name =
      options.name === undefined ? plan.names.operator(prefix) : operatorName(options.name, operator, groups)
    const { node } = keyed[operator] as (typeof keyed)[0]
    const create = sessionWindowAggregate({
      windows,
      fold,
      state,
      sessionKey: key,
      indexStore,
      timeStore,
      operator,
      retentionMs,
      onClose,
    })
    return plan.addProcessor(name, [node], {
      create,
      stores: () => [...storesOf(state), indexStore, timeStore],
    })
  })
  const [only, ...others] = nodes as [PlanNode, ...PlanNode[]]
  const merged = { key, value, table, window }
  if (others.length === 0) return context.table({ ...merged, node: only, sources: first.sources })
  const mergeName =
    options.name === undefined
      ? plan.names.operator('COGROUPKSTREAM-MERGE-')
      : `${options.name}-cogroup-merge`
  const node = plan.addProcessor(mergeName, nodes, { create: passThrough })
  const sources = coPartition(plan, mergeName, ...keyed.map(group => group.sources))
  return context.table({ ...merged, node, sources })
}
