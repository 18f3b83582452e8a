import type { Codec } from '../../contracts/codec.ts'
import type { KeyValueStore } from '../state/store.ts'
import { Cell, cellOf } from './cell.ts'
import type { Processor } from './processor.ts'
import { StreamRecord } from './stream-record.ts'
import { fromStart, timeOf } from './windowed-key.ts'

/*
 * Algorithm: the final rows of windows that closed go out in one pass over the store, from where the last one ended
 * up to the times that have closed since (KIP-825).
 *
 * State: the aggregate's rows, whose keys begin with a time (the start of a window, the end of a session); and, in the
 * store of the operator's times, up to where final results are out.
 *
 * Why it is correct: a window closes once and for all when its time falls behind a limit that only grows, so that
 * successive passes cover every closed window exactly once, however far the limit jumps. The aggregate expires rows
 * after the pass, never before, and the limit is committed with the rows: a restart repeats nothing and leaves
 * nothing out.
 */

export interface FinalResultsPlan {
  readonly rows: KeyValueStore<unknown>
  readonly times: KeyValueStore<number>
  readonly operator: number
  readonly windowKey: Codec<unknown>
  readonly value: Codec<unknown>
}

export class FinalResults {
  readonly #plan: FinalResultsPlan
  readonly #emittedKey: string
  readonly #next: Processor

  constructor(plan: FinalResultsPlan, next: Processor) {
    this.#plan = plan
    this.#emittedKey = `${plan.operator}/emitted-below`
    this.#next = next
  }

  /** `cause` made the windows close whose times are below `closedBelow`; its headers go out with them. */
  emit(cause: Pick<StreamRecord, 'timestamp' | 'headers'>, closedBelow: number): void {
    const { rows, times, windowKey, value: codec } = this.#plan
    const emittedBelow = times.get(this.#emittedKey)?.value ?? 0
    if (closedBelow <= emittedBelow) return
    times.put(this.#emittedKey, closedBelow, cause.timestamp)
    for (const [key, { value, timestamp }] of rows.range(fromStart(emittedBelow), fromStart(closedBelow))) {
      const cell = Cell.ofBytes(Buffer.from(key, 'latin1'), windowKey)
      this.#next.process(new StreamRecord(cell, cellOf(value, codec), null, timestamp, cause.headers, true))
    }
  }

  /** The time of the first row whose window is open; Infinity when there is none. */
  firstOpen(): number {
    const { rows, times } = this.#plan
    const emittedBelow = times.get(this.#emittedKey)?.value ?? 0
    for (const [key] of rows.range(fromStart(emittedBelow))) return timeOf(key)
    return Infinity
  }
}

/** Of an operator that emits every update. */
export const noFinalResults: Pick<FinalResults, 'emit'> = { emit() {} }
