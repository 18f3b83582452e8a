import type { Cluster } from '../../client/cluster.ts'
import { Producer } from '../../client/producer.ts'
import type { RecordCollector } from '../state/record-collector.ts'

/**
 * The dead letters of an instance's global tables. Each instance writes its own, since each keeps its own copy of the
 * tables, and before the position moves on: after a crash in between they are written again.
 */
export class GlobalLetters implements RecordCollector {
  readonly #cluster: Cluster
  #producer: Producer | undefined
  #isDurable = true

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  collect(...letter: Parameters<RecordCollector['collect']>): void {
    this.#producer ??= new Producer(this.#cluster)
    this.#isDurable = false
    this.#producer.append(...letter)
  }

  /** Resolves when all of them are durable. */
  async flush(): Promise<void> {
    if (this.#isDurable) return
    await this.#producer?.flush()
    this.#isDurable = true
  }

  async close(): Promise<void> {
    await this.#producer?.close()
  }
}
