import type { Codec } from '../../contracts/codec.ts'
import { bytes, int64, string } from '../../contracts/codecs.ts'
import { EvertError } from '../../errors.ts'
import type { Plan, PlanProcessor } from '../graph/plan.ts'
import { expiringRows } from '../processors/expiring-rows.ts'
import type { TableState } from '../processors/materialised.ts'
import type { ProcessorFactory } from '../processors/processor.ts'
import { storesOf } from './table-parts.ts'

export interface ExpiryOptions {
  /**
   * Deletes a row when stream time is so far past its timestamp; the deletion goes on as any other. A record that is
   * older than that when it comes is dropped, and counted as expired. Default: rows stay.
   */
  readonly ttlMs?: number
  /**
   * What moves time on: the records (`stream`, the default), or the wall clock too (`wall`), so that rows also go when
   * no records come. What is deleted then depends on when the application runs.
   */
  readonly ttlTime?: 'stream' | 'wall'
}

export interface RowOperator {
  readonly name: string
  readonly key: Codec<unknown>
  /** It has a store. */
  readonly state: TableState
  readonly create: ProcessorFactory
  /** A row's timestamp is the greatest of its records; otherwise that of the last one. */
  readonly keepsGreatestTime: boolean
}

/** The operator that keeps a table's rows, which expire if the options say so. Throws INVALID_TOPOLOGY. */
export function planRows(
  plan: Plan,
  { name, state, create, key, keepsGreatestTime }: RowOperator,
  { ttlMs, ttlTime }: ExpiryOptions,
): PlanProcessor {
  assertExpiry(name, { ttlMs, ttlTime })
  if (ttlMs === undefined) return { create, stores: () => storesOf(state) }
  const stores = { byTime: `${state.store}-expiry`, times: `${state.store}-times` }
  plan.addStore({
    name: stores.byTime,
    key: bytes,
    value: int64,
    sourceTopic: undefined,
    logged: state.logged,
  })
  plan.addStore({
    name: stores.times,
    key: string,
    value: int64,
    sourceTopic: undefined,
    logged: state.logged,
  })
  const expiry = { ttlMs, time: ttlTime ?? 'stream', keepsGreatestTime, key, state, ...stores }
  return {
    create: expiringRows(expiry, create),
    stores: () => [...storesOf(state), ...Object.values(stores)],
  }
}

function assertExpiry(
  name: string,
  { ttlMs, ttlTime }: { ttlMs: number | undefined; ttlTime: string | undefined },
): void {
  if (ttlMs !== undefined && (!Number.isSafeInteger(ttlMs) || ttlMs < 1)) {
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `The table "${name}" needs a ttlMs of whole milliseconds, 1 or more; got ${ttlMs}.`,
    )
  }
  if (ttlTime !== undefined && (ttlMs === undefined || (ttlTime !== 'stream' && ttlTime !== 'wall'))) {
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `The table "${name}" has a ttlTime of ${JSON.stringify(ttlTime)}: it is "stream" or "wall", and comes with a ttlMs.`,
    )
  }
}
