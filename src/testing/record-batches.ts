import type { Topic } from '../contracts/topic.ts'
import { type RecordHeader, RecordBatch, stampOffsets } from '../records/record-batch.ts'
import { RecordBatchBuilder } from '../records/record-batch-builder.ts'

/** A record of a topic, to be encoded. */
export interface TypedRecord<K, V> {
  readonly key: K | null
  readonly value: V | null
  /** ms. */
  readonly timestamp: number
  readonly headers?: readonly RecordHeader[]
}

export interface RecordBatchesOptions {
  /** Offset of the first record. Default 0. */
  readonly fromOffset?: number
  /** Records per batch. Default 1,000. */
  readonly batchSize?: number
}

/**
 * Records of one partition as the record batches in which a log holds them: the input of a batch driver. Encodes
 * everything at once, so that nothing of it is left for the part of a program that is measured.
 *
 * @example
 * const batches = recordBatches(orders, [{ key: '1', value: order, timestamp: 5 }])
 */
export function recordBatches<K, V>(
  topic: Topic<K, V>,
  records: Iterable<TypedRecord<K, V>>,
  { fromOffset = 0, batchSize = 1_000 }: RecordBatchesOptions = {},
): RecordBatch[] {
  const batches: RecordBatch[] = []
  const builder = new RecordBatchBuilder()
  let nextOffset = fromOffset
  const build = () => {
    batches.push(buildAt(builder, nextOffset))
    nextOffset += builder.count
    builder.reset()
  }
  for (const { key, value, timestamp, headers } of records) {
    builder.append(
      timestamp,
      key === null ? null : topic.key.encode(key),
      value === null ? null : topic.value.encode(value),
      headers,
    )
    if (builder.count >= batchSize) build()
  }
  if (builder.count > 0) build()
  return batches
}

/** The batch as the log gives it out that put it at `baseOffset`. */
export function buildAt(builder: RecordBatchBuilder, baseOffset: number): RecordBatch {
  const bytes = builder.build()
  stampOffsets(bytes, baseOffset, 0)
  return RecordBatch.at(bytes)
}
