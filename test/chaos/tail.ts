import type { Cluster } from '../../src/client/cluster.ts'
import type { FetchedPartition } from '../../src/client/fetched-partition.ts'
import { Fetcher } from '../../src/client/fetcher.ts'
import { readTopic } from '../../src/client/read-topic.ts'

export interface Row {
  readonly partition: number
  readonly offset: number
  readonly key: string
  readonly value: Buffer
}

/** Reads a topic from its start to what is its end now, read committed. */
export async function readRows(cluster: Cluster, topic: string): Promise<Row[]> {
  const rows: Row[] = []
  for await (const part of readTopic(cluster, topic)) take(part, rows)
  return rows
}

/** Follows a topic from its start, read committed, through whatever happens to its cluster. */
export class Tail {
  readonly topic: string
  readonly rows: Row[] = []
  readonly #fetcher: Fetcher
  readonly #ended: Promise<void>
  #isClosed = false

  constructor(cluster: Cluster, topic: string, partitions: number) {
    this.topic = topic
    this.#fetcher = new Fetcher(cluster)
    this.#fetcher.assign(
      Array.from({ length: partitions }, (_, partition) => ({
        topic,
        partition,
        offset: 'earliest' as const,
      })),
    )
    this.#ended = this.#follow()
    this.#ended.catch(() => {})
  }

  /** Rejects with what ended the reading before. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#fetcher.wakeUp()
    await this.#ended
    await this.#fetcher.close()
  }

  async #follow(): Promise<void> {
    while (!this.#isClosed) {
      for (const part of await this.#fetcher.poll({ maxWaitMs: 1_000 })) take(part, this.rows)
    }
  }
}

function take({ partition, firstOffset, batches }: FetchedPartition, rows: Row[]): void {
  for (const batch of batches) {
    const columns = batch.records()
    for (let index = 0; index < columns.count; index++) {
      const offset = columns.offset(index)
      if (offset < firstOffset) continue
      const [key, value] = [columns.key(index), columns.value(index)]
      // Copied: a slice would keep its whole answer.
      rows.push({ partition, offset, key: String(key), value: Buffer.from(value ?? '') })
    }
  }
}
