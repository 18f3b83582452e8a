import { EvertError } from '../errors.ts'
import { initProducerId } from '../wire/messages/init-producer-id.ts'
import type { Cluster } from './cluster.ts'
import { KafkaError } from './kafka-error.ts'
import type { NodeConnections } from './node-connections.ts'
import type { ProducerIdentity } from './partition-queue.ts'
import { backoffMs, delay } from './retry.ts'

export interface IdempotentIdentityOptions {
  readonly cluster: Cluster
  readonly connections: NodeConnections
  readonly isClosed: () => boolean
  /** There is an identity now, or batches have waited for another while. */
  readonly wake: () => void
}

/** The producer id of a producer without transactions: any node gives one, and another one when it is spent. */
export class IdempotentIdentity {
  readonly #options: IdempotentIdentityOptions
  #current: ProducerIdentity | undefined
  #asking: Promise<void> | undefined

  constructor(options: IdempotentIdentityOptions) {
    this.#options = options
  }

  get current(): ProducerIdentity | undefined {
    return this.#current
  }

  forget(): void {
    this.#current = undefined
  }

  /** Resolves when there is an identity; asks again as long as that may help. */
  async ensure(): Promise<void> {
    if (this.#current !== undefined) return
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    await this.#asking
  }

  async #ask(): Promise<void> {
    const { cluster, connections, isClosed, wake } = this.#options
    for (let attempt = 0; ; attempt++) {
      try {
        const connection = await connections.any()
        const answer = await connection.send(initProducerId, {
          transactionalId: null,
          transactionTimeoutMs: 0,
        })
        if (answer.errorCode !== 0) throw new KafkaError(answer.errorCode, 'No producer id was given')
        this.#current = { producerId: answer.producerId, epoch: answer.producerEpoch }
        wake()
        return
      } catch (error) {
        if (!(error instanceof EvertError) || !error.retryable || isClosed()) throw error
        await delay(cluster.clock, backoffMs(cluster.backoff, attempt))
        // Batches that waited for too long are given up meanwhile.
        wake()
      }
    }
  }
}
