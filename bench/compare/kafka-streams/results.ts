import { hash } from 'node:crypto'
import { type Cluster, readTopic } from 'evert/client'
import { internalTopics } from './progress.ts'

/** The last value of every key, as of a table: how many updates came before is not compared. */
const TABLES = new Set(['count', 'windowed-count', 're-key-sum'])

/** The result of a work as two lines: how many rows, and a sum over the hashes of all of them, in whatever order. */
export async function resultOf(cluster: Cluster, work: string, output: string): Promise<string[]> {
  const rows = new Sum()
  const last = new Map<string, Buffer | null>()
  for await (const { batches } of readTopic(cluster, output)) {
    for (const batch of batches) {
      const records = batch.records()
      for (let index = 0; index < records.count; index++) {
        const key = records.key(index)?.toString('latin1') ?? ''
        const value = records.value(index)
        if (TABLES.has(work)) last.set(key, value === null ? null : Buffer.from(value))
        else rows.add(key, value)
      }
    }
  }
  for (const [key, value] of last) if (value !== null) rows.add(key, value)
  return [`${rows.count} rows`, `sum ${rows.high} ${rows.low}`]
}

/** How many records an application wrote to each topic. */
export async function recordsWritten(
  cluster: Cluster,
  applicationId: string,
  output: string,
): Promise<Record<string, number>> {
  const written: Record<string, number> = {}
  for (const topic of [output, ...(await internalTopics(cluster, applicationId))]) {
    let count = 0
    for await (const { batches } of readTopic(cluster, topic))
      for (const batch of batches) count += batch.count
    const kind = topic === output ? 'output' : (topic.match(/-(\w+)$/)?.[1] ?? topic)
    written[kind] = (written[kind] ?? 0) + count
  }
  return written
}

/** A digest of many rows that does not depend on their order: sums of their hashes, modulo 2^32. */
class Sum {
  count = 0
  high = 0
  low = 0

  add(key: string, value: Buffer | null): void {
    const digest = hash('md5', `${key}\n${value === null ? '' : value.toString('latin1')}`, 'buffer')
    this.count++
    this.high = (this.high + digest.readUInt32LE(0)) >>> 0
    this.low = (this.low + digest.readUInt32LE(4)) >>> 0
  }
}
