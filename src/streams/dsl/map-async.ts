import type { Codec } from '../../contracts/codec.ts'
import { int64 } from '../../contracts/codecs.ts'
import { EvertError } from '../../errors.ts'
import type { Plan, PlanProcessor } from '../graph/plan.ts'
import type { AsyncMapper } from '../processors/async-call.ts'
import { mapAsync } from '../processors/map-async.ts'
import { pendingRecord } from '../processors/pending-record.ts'
import type { ValueOptions } from './options.ts'

export interface MapAsyncOptions<V> extends ValueOptions<V> {
  /** Calls under way at a time, in each task. Default 16. */
  readonly concurrency?: number
  /**
   * Records that a task holds for the function, those under way included; it reads no further while it has so many.
   * More let other keys go on while some keys have many records waiting. Default: four times `concurrency`.
   */
  readonly maxPending?: number
  /** How long one attempt may take; Infinity: as long as it likes. Default 30 000. */
  readonly timeoutMs?: number
  /** How often a call that failed or timed out is repeated before its record fails. Default 0. */
  readonly retries?: number
  /** Pause before the first repetition; it doubles with each, up to 30 s. Default 100. */
  readonly retryBackoffMs?: number
}

/** The longest delay of a timer. */
const MAX_DELAY_MS = 2 ** 31 - 1

/** The operator's processor, and its store of pending records: `<name>-pending`. Throws INVALID_TOPOLOGY. */
export function planMapAsync(
  plan: Plan,
  name: string,
  {
    mapper,
    key,
    value,
    options,
  }: {
    readonly mapper: AsyncMapper
    readonly key: Codec<unknown>
    readonly value: Codec<unknown>
    readonly options: MapAsyncOptions<unknown> & { readonly value: Codec<unknown> }
  },
): PlanProcessor {
  const { concurrency = 16, timeoutMs = 30_000, retries = 0, retryBackoffMs = 100 } = options
  const { maxPending = 4 * concurrency } = options
  const assertWhole = (field: string, given: number, least: number, most = Number.MAX_SAFE_INTEGER) => {
    if (Number.isSafeInteger(given) && given >= least && given <= most) return
    const upTo = most === Number.MAX_SAFE_INTEGER ? 'or more' : `to ${most}`
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `The operator "${name}" needs a ${field} that is a whole number of ${least} ${upTo}; got ${given}.`,
    )
  }
  assertWhole('concurrency', concurrency, 1)
  assertWhole('maxPending', maxPending, concurrency)
  if (timeoutMs !== Infinity) assertWhole('timeoutMs', timeoutMs, 1, MAX_DELAY_MS)
  assertWhole('retries', retries, 0)
  assertWhole('retryBackoffMs', retryBackoffMs, 0, MAX_DELAY_MS)
  const pending =
    options.name === undefined ? plan.names.store('KSTREAM-MAPASYNC-') : `${options.name}-pending`
  plan.addStore({ name: pending, key: int64, value: pendingRecord(key, value), sourceTopic: undefined })
  return {
    create: mapAsync({
      mapper,
      key,
      value,
      result: options.value,
      pending,
      concurrency,
      maxPending,
      limits: { timeoutMs, retries, retryBackoffMs },
    }),
    stores: () => [pending],
  }
}
