import type { Cluster } from '../../client/cluster.ts'
import { topicConfigs } from '../../client/topic-configs.ts'
import type { RecordLimit } from '../../records/record-limit.ts'
import type { Logger } from './logger.ts'

export interface TopicLimitsOptions {
  readonly cluster: Cluster
  readonly logger: Logger
  /** Told of each topic whose limit became known or changed. */
  readonly onLimit: (topic: string, maxMessageBytes: number) => void
}

/** A limit may be changed at any time; the broker has the last word. */
const MAX_AGE_MS = 60_000
const CONFIG = 'max.message.bytes'

/**
 * How large records may be that an instance writes, by topic: asked for before a task runs, and from time to time. A
 * topic whose limit is not known is taken to have none: the broker then refuses what is too large.
 */
export class TopicLimits {
  readonly #options: TopicLimitsOptions
  readonly #limits = new Map<string, RecordLimit>()
  #cancel: (() => void) | undefined
  #isStopped = false

  constructor(options: TopicLimitsOptions) {
    this.#options = options
  }

  /** One object per topic, which changes with what is known. */
  of(topic: string): RecordLimit {
    let limit = this.#limits.get(topic)
    if (limit === undefined) {
      limit = { maxMessageBytes: Infinity }
      this.#limits.set(topic, limit)
    }
    return limit
  }

  /** Asks for topics that are not known yet. */
  async learn(topics: Iterable<string>): Promise<void> {
    const unknown = [...new Set(topics)].filter(topic => this.of(topic).maxMessageBytes === Infinity)
    await this.#ask(unknown)
    if (!this.#isStopped) this.#cancel ??= this.#age()
  }

  /** Asks for all of them; resolves to whether something changed. */
  refresh(): Promise<boolean> {
    return this.#ask([...this.#limits.keys()])
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel?.()
  }

  #age(): () => void {
    const { cluster, logger } = this.#options
    return cluster.clock.schedule(MAX_AGE_MS, () => {
      this.refresh()
        .catch((error: unknown) => {
          logger.warn(`What topics take is not asked anew: ${(error as Error).message}`)
        })
        .finally(() => {
          if (!this.#isStopped) this.#cancel = this.#age()
        })
    })
  }

  async #ask(topics: readonly string[]): Promise<boolean> {
    let isChanged = false
    for (const [topic, configs] of await topicConfigs(this.#options.cluster, topics, [CONFIG])) {
      const maxMessageBytes = Number(configs.get(CONFIG) ?? Infinity)
      const limit = this.of(topic)
      if (limit.maxMessageBytes === maxMessageBytes) continue
      limit.maxMessageBytes = maxMessageBytes
      isChanged = true
      this.#options.onLimit(topic, maxMessageBytes)
    }
    return isChanged
  }
}
