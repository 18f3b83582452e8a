import type { RecordBatch } from './record-batch.ts'
import { RecordBatchBuilder } from './record-batch-builder.ts'

/*
 * The one record of a control batch that ends a transaction:
 *
 *   key    int16 version 0, int16 type (0 abort, 1 commit)
 *   value  int16 version 0, int32 coordinator epoch
 */
const KEY_BYTES = 4
const VALUE_BYTES = 6
const VERSION = 0
const TYPES = ['abort', 'commit'] as const

/** How a transaction ended. */
export type ControlType = (typeof TYPES)[number]

export interface ControlBatchOptions {
  readonly producerId: number
  readonly producerEpoch: number
  readonly type: ControlType
  readonly timestampMs: number
  readonly coordinatorEpoch: number
}

/** The batch that a broker appends to every partition of a transaction to end it. */
export function controlBatch(options: ControlBatchOptions): Buffer {
  const key = Buffer.alloc(KEY_BYTES)
  key.writeInt16BE(VERSION, 0)
  key.writeInt16BE(TYPES.indexOf(options.type), 2)
  const value = Buffer.alloc(VALUE_BYTES)
  value.writeInt16BE(VERSION, 0)
  value.writeInt32BE(options.coordinatorEpoch, 2)
  const builder = new RecordBatchBuilder({ initialBytes: 128 })
  builder.append(options.timestampMs, key, value)
  return builder.build({
    producerId: options.producerId,
    producerEpoch: options.producerEpoch,
    transactional: true,
    control: true,
  })
}

/** How the batch ends its transaction; undefined for data and for control records of other kinds. */
export function controlTypeOf(batch: RecordBatch): ControlType | undefined {
  if (!batch.isControl) return undefined
  const records = batch.records()
  const key = records.count === 0 ? null : records.key(0)
  return key === null || key.length < KEY_BYTES ? undefined : TYPES[key.readInt16BE(2)]
}
