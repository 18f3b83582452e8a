import type { Codec } from '../../contracts/codec.ts'
import { bytes, int64 } from '../../contracts/codecs.ts'
import { TaskTimers, timerRowCodec, type Timers } from '../processors/keyed-timers.ts'
import { perTask } from '../processors/per-task.ts'
import type { PunctuationTime } from '../processors/process-context.ts'
import type { StoreDeclaration } from '../processors/store-declaration.ts'
import { declared } from './stores.ts'

export interface TimersOptions<K, P> {
  readonly key: Codec<K>
  /** What a timer carries along to its callback. Default: nothing. */
  readonly payload?: Codec<P>
  /** Whose time: that of the task's records (default), or the wall clock's. */
  readonly time?: PunctuationTime
}

/**
 * Declares timers for processors, one per key at most (Flink: event-time timers of a KeyedProcessFunction). They are
 * kept in a store with a changelog, and called exactly once, over restarts too. Nothing is done per record while
 * none is due.
 *
 * @example
 * const unpaid = keyedTimers('unpaid', { key: string })
 * orders.process({
 *   stores: { unpaid },
 *   create: ({ stores, forward }) => {
 *     stores.unpaid.onTimer(id => forward(id, { state: 'expired' }))
 *     return (order, id, { timestamp }) => {
 *       if (order.state === 'placed') stores.unpaid.set(id, timestamp + 30 * 60_000)
 *       else stores.unpaid.delete(id)
 *     }
 *   },
 * })
 */
export function keyedTimers<K, P = undefined>(
  name: string,
  { key, payload, time = 'stream' }: TimersOptions<K, P>,
): StoreDeclaration<Timers<K, P>> {
  const index = `${name}-by-key`
  const plan = { name, index, key: key as Codec<unknown>, time }
  const rows = { name, key: bytes, value: timerRowCodec(payload), logged: true }
  const timersOf = perTask<{ timers?: TaskTimers }>(() => ({}))
  return declared([rows, { name: index, key, value: int64, logged: true }], (context, now) => {
    const shared = timersOf(context.task)
    shared.timers ??= new TaskTimers(plan, context)
    return shared.timers.open(context, now) as unknown as Timers<K, P>
  })
}
