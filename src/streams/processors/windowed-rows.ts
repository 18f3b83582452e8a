import type { Codec } from '../../contracts/codec.ts'
import { assert } from '../../internal/assert.ts'
import type { KeyValueStore } from '../state/store.ts'
import { fanOut } from './fan-out.ts'
import { FinalResults, noFinalResults } from './final-results.ts'
import { RowWriter, type TableState } from './materialised.ts'
import { operatorClock } from './idle-closing.ts'
import { OperatorClock } from './operator-clock.ts'
import type { Processor, ProcessorContext } from './processor.ts'

/** What the plans of all windowed aggregates have in common. */
export interface WindowedPlan {
  readonly state: TableState
  /** Of the windowed key in the store. */
  readonly windowKey: Codec<unknown>
  /** The store of the operators' times, and this one among those that share it. */
  readonly timeStore: string
  readonly operator: number
  readonly retentionMs: number
  readonly onClose: boolean
  /** Windows also close by wall clock. */
  readonly idle?: WindowIdling | undefined
}

export interface WindowIdling {
  readonly closeWhenIdleMs: number
  /** A window closes when stream time is so far past the time that its row's key begins with. */
  readonly closesAfterMs: number
}

export interface WindowedRows {
  readonly store: KeyValueStore<unknown>
  readonly clock: OperatorClock
  readonly rows: RowWriter
  readonly results: Pick<FinalResults, 'emit'>
}

/** The rows of a windowed aggregate, and its ways out: with each update, or once when the window has closed. */
export function windowedRows(plan: WindowedPlan, context: ProcessorContext, next: Processor): WindowedRows {
  const { state, windowKey, timeStore, operator, onClose, idle } = plan
  assert(state.store !== undefined, 'a windowed aggregate without a store')
  const store = context.keyValue(state.store)
  const times = context.keyValue<number>(timeStore)
  const finals = { rows: store, times, operator, windowKey, value: state.value }
  const rows = new RowWriter(store, state, onClose ? fanOut([]) : next)
  if (!onClose) return { store, clock: new OperatorClock(times, operator), rows, results: noFinalResults }
  const results = new FinalResults(finals, next)
  const clock = operatorClock([times, operator], idle && { ...context, ...idle }, {
    closesAt: () => results.firstOpen() + (idle as WindowIdling).closesAfterMs,
    close: timestamp =>
      results.emit({ timestamp, headers: [] }, timestamp - (idle as WindowIdling).closesAfterMs + 1),
  })
  return { store, clock, rows, results }
}
