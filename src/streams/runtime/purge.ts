import { deleteRecords } from '../../client/admin.ts'
import type { Cluster } from '../../client/cluster.ts'
import type { HostedTask } from './hosted-task.ts'
import type { Logger } from './logger.ts'

/**
 * Deletes from repartition topics what their readers have committed (Kafka Streams: repartition.purge.interval.ms).
 * Runs after commits, beside the loop; a purge that fails is only a purge that is made later.
 */
export class RepartitionPurge {
  readonly #cluster: Cluster
  readonly #logger: Logger
  readonly #intervalMs: number
  readonly #purged = new Map<string, number>()
  #lastMs: number
  #isRunning = false

  constructor(cluster: Cluster, logger: Logger, intervalMs: number) {
    this.#cluster = cluster
    this.#logger = logger
    this.#intervalMs = intervalMs
    this.#lastMs = cluster.clock.elapsedMs()
  }

  /** Called after each commit. */
  committed(tasks: Iterable<HostedTask>): void {
    const nowMs = this.#cluster.clock.elapsedMs()
    if (this.#isRunning || nowMs - this.#lastMs < this.#intervalMs) return
    this.#lastMs = nowMs
    const offsets = [...tasks].flatMap(({ subTopology, partition, committed }) =>
      subTopology.repartitionSources.flatMap(({ name: topic }) => {
        const offset = committed.get(topic) ?? 0
        return offset > (this.#purged.get(`${topic} ${partition}`) ?? 0) ? [{ topic, partition, offset }] : []
      }),
    )
    if (offsets.length > 0) void this.#purge(offsets)
  }

  async #purge(offsets: readonly { topic: string; partition: number; offset: number }[]): Promise<void> {
    this.#isRunning = true
    try {
      await deleteRecords(this.#cluster, offsets)
      for (const { topic, partition, offset } of offsets) this.#purged.set(`${topic} ${partition}`, offset)
    } catch (error) {
      this.#logger.warn(
        `Processed records of repartition topics were not purged: ${(error as Error).message}`,
      )
    } finally {
      this.#isRunning = false
    }
  }
}
