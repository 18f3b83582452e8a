import { batchesIn } from '../../records/record-batch.ts'
import { RecordBatchBuilder } from '../../records/record-batch-builder.ts'
import type { PartitionLog } from './log-storage.ts'

/** A batch for a test: one record per value. */
export function batchOf(
  values: readonly string[],
  options: {
    readonly timestampMs?: number
    readonly producer?: readonly [id: number, epoch: number, sequence: number]
    readonly transactional?: boolean
  } = {},
): Buffer {
  const builder = new RecordBatchBuilder({})
  for (const value of values) builder.append(options.timestampMs ?? 0, null, Buffer.from(value), [])
  const [producerId, producerEpoch, baseSequence] = options.producer ?? [-1, -1, -1]
  const { transactional = false } = options
  return Buffer.from(builder.build({ producerId, producerEpoch, baseSequence, transactional }))
}

/** The data that a reader sees: offset and value of every record that is no marker. */
export async function contentOf(
  log: PartitionLog,
  { maxBytes = 1000, end = log.highWatermark } = {},
): Promise<string[]> {
  const found: string[] = []
  for (let offset = log.logStartOffset; offset < end; ) {
    const bytes = await log.read(offset, maxBytes, end)
    if (bytes.length === 0) break
    for (const batch of batchesIn(bytes)) {
      const records = batch.records()
      offset = batch.nextOffset
      if (batch.isControl) continue
      for (let at = 0; at < records.count; at++)
        found.push(`${records.offset(at)} ${String(records.value(at))}`)
    }
  }
  return found
}
