import { type Backoff, backoffMs } from '../../client/retry.ts'
import { EvertError } from '../../errors.ts'
import type { Clock } from '../../internal/clock.ts'
import type { AsyncCall } from '../processors/async-call.ts'

export interface CallRunnerOptions {
  readonly clock: Clock
  /** From 0 to below 1: spreads repetitions in time. */
  readonly random: () => number
  /** Makes one attempt. Default: by the call itself. */
  readonly invoke?: (call: AsyncCall, signal: AbortSignal) => unknown
  /** A result is there to be taken. */
  readonly onDone: () => void
}

export interface EndedCall {
  readonly call: AsyncCall
  readonly outcome: PromiseSettledResult<unknown>
}

const MAX_BACKOFF_MS = 30_000

/**
 * Makes the calls that one task asks for, with their timeouts and repetitions, and keeps their outcomes until they are
 * taken. After `abort` it is of no more use.
 */
export class CallRunner {
  readonly #options: CallRunnerOptions
  /** Ends what is under way: an attempt, or the pause before one. */
  readonly #stops = new Set<(reason: Error) => void>()
  #ended: EndedCall[] = []
  #isAborted = false

  constructor(options: CallRunnerOptions) {
    this.#options = options
  }

  start(call: AsyncCall): void {
    void this.#run(call)
  }

  get hasEnded(): boolean {
    return this.#ended.length > 0
  }

  /** The calls that ended since it was last asked, in that order. */
  takeEnded(): EndedCall[] {
    const ended = this.#ended
    this.#ended = []
    return ended
  }

  /** Aborts the signals of all calls under way. Nobody hears of them any more. */
  abort(): void {
    this.#isAborted = true
    this.#ended = []
    const reason = new EvertError(
      'CLOSED',
      'The task was closed; the record is called for again where it goes on.',
    )
    for (const stop of this.#stops) stop(reason)
  }

  async #run(call: AsyncCall): Promise<void> {
    const outcome = await this.#outcomeOf(call)
    if (this.#isAborted) return
    this.#ended.push({ call, outcome })
    this.#options.onDone()
  }

  async #outcomeOf(call: AsyncCall): Promise<PromiseSettledResult<unknown>> {
    const { clock, random } = this.#options
    const { retries, retryBackoffMs } = call.limits
    const backoff: Backoff = { clock, random, firstMs: retryBackoffMs, maxMs: MAX_BACKOFF_MS }
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.#attempt(call)
      if (outcome.status === 'fulfilled' || attempt >= retries || this.#isAborted) return outcome
      await this.#pause(backoffMs(backoff, attempt))
    }
  }

  /** A function that does not heed its signal goes on; what it gives is passed over. */
  #attempt(call: AsyncCall): Promise<PromiseSettledResult<unknown>> {
    return new Promise(resolve => {
      const { invoke = invokeCall } = this.#options
      const controller = new AbortController()
      const { timeoutMs } = call.limits
      const end = (outcome: PromiseSettledResult<unknown>) => {
        this.#stops.delete(stop)
        cancelTimeout()
        resolve(outcome)
      }
      const stop = (reason: Error) => {
        end({ status: 'rejected', reason })
        controller.abort(reason)
      }
      const cancelTimeout =
        timeoutMs === Infinity
          ? () => {}
          : this.#options.clock.schedule(timeoutMs, () => stop(timedOut(call.node, timeoutMs)))
      this.#stops.add(stop)
      new Promise(settle => settle(invoke(call, controller.signal))).then(
        value => end({ status: 'fulfilled', value }),
        (reason: unknown) => end({ status: 'rejected', reason }),
      )
    })
  }

  #pause(ms: number): Promise<void> {
    return new Promise(resolve => {
      const end = () => {
        this.#stops.delete(end)
        cancel()
        resolve()
      }
      const cancel = this.#options.clock.schedule(ms, end)
      this.#stops.add(end)
    })
  }
}

const invokeCall = (call: AsyncCall, signal: AbortSignal): unknown => call.invoke(signal)

function timedOut(node: string, timeoutMs: number): EvertError {
  return new EvertError('TIMEOUT', `The function of "${node}" gave no result within ${timeoutMs} ms.`)
}
