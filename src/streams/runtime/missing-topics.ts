import type { GroupStatus } from '../../client/group/streams-protocol.ts'
import { KafkaError } from '../../client/kafka-error.ts'
import type { Clock } from '../../internal/clock.ts'
import { errorCodes } from '../../wire/error-codes.ts'

export interface MissingTopicsOptions {
  readonly clock: Clock
  /** How long source topics may be missing: one that was deleted may be made again. */
  readonly timeoutMs: number
  readonly onGone: (error: Error) => void
}

/** Waits for source topics that the group misses, and gives up when they stay away. */
export class MissingTopics {
  readonly #options: MissingTopicsOptions
  #cancel: (() => void) | undefined

  constructor(options: MissingTopicsOptions) {
    this.#options = options
  }

  onStatus(statuses: readonly GroupStatus[]): void {
    const missing = statuses.find(({ name }) => name === 'MISSING_SOURCE_TOPICS')
    if (missing === undefined) {
      this.stop()
      return
    }
    const { clock, timeoutMs, onGone } = this.#options
    this.#cancel ??= clock.schedule(timeoutMs, () => {
      const detail = missing.detail.replace(/\.$/, '')
      const what = `The application cannot go on without its inputs (${detail}); make them again and start it anew`
      onGone(new KafkaError(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, what, { retryable: false }))
    })
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}
