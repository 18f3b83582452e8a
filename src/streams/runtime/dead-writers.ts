/*
 * Transactions of instances that died.
 *
 * Algorithm. Each committed offset names its writer, the transactional id. Before a task is restored that somebody else
 * wrote last, the group is asked for its members; a writer whose process is none of them is dead (or will be fenced
 * when it comes back), and its open transaction is aborted by taking its transactional id.
 *
 * State. What is being ended at this moment, so that the tasks of one dead instance ask once.
 *
 * Why it is correct. Taking an id aborts what is open and nothing else. The worst that a wrong guess costs is one
 * transaction of a living instance, which it makes again. What it gains: the readers of what the dead instance wrote,
 * and the restore of its tasks, wait no longer for its transaction to time out.
 */
import type { Cluster } from '../../client/cluster.ts'
import { processesOf } from '../../client/group/group-processes.ts'
import { Producer } from '../../client/producer.ts'
import type { Logger } from './logger.ts'

export interface DeadWritersOptions {
  readonly cluster: Cluster
  readonly groupId: string
  /** Of the instances of the application, followed by the process id. */
  readonly transactionalIdPrefix: string
  readonly transactionTimeoutMs: number
  readonly logger: Logger
}

export class DeadWriters {
  readonly #options: DeadWritersOptions
  readonly #ending = new Map<string, Promise<void>>()

  constructor(options: DeadWritersOptions) {
    this.#options = options
  }

  /** Ends what the writer left open, if it is dead. Never rejects: without it, readers wait for the timeout. */
  end(writer: string): Promise<void> {
    let ending = this.#ending.get(writer)
    if (ending === undefined) {
      ending = this.#end(writer)
        .catch((error: unknown) => {
          const why = (error as Error).message
          this.#options.logger.warn(`What "${writer}" left open is left to its timeout: ${why}`)
        })
        .finally(() => this.#ending.delete(writer))
      this.#ending.set(writer, ending)
    }
    return ending
  }

  async #end(writer: string): Promise<void> {
    const { cluster, groupId, transactionalIdPrefix, transactionTimeoutMs, logger } = this.#options
    if (!writer.startsWith(transactionalIdPrefix)) return
    const processes = await processesOf(cluster, groupId)
    const suffix = writer.slice(transactionalIdPrefix.length)
    // A process with several writers numbers them behind its id.
    for (const id of processes) if (suffix === id || suffix.startsWith(`${id}-`)) return
    logger.info(`"${writer}" is no member of the group any more: its open transaction is ended.`)
    const producer = new Producer(cluster, { transactionalId: writer, transactionTimeoutMs })
    try {
      await producer.init()
    } finally {
      await producer.close()
    }
  }
}
