import { EvertError } from '../errors.ts'
import { type Compression, compress } from '../records/compression.ts'

export interface ProducerOptions {
  /** Makes the producer transactional: every append is inside begin() … commit()/abort(). */
  readonly transactionalId?: string
  /** The coordinator aborts a transaction that is open for longer. Default 60 000. */
  readonly transactionTimeoutMs?: number
  readonly compression?: Compression
  /** A batch is closed before it grows beyond this. Default 256 KiB. */
  readonly batchBytes?: number
  /** How long an unfull batch waits for more records; 0 sends at the end of the current turn. Default 0. */
  readonly lingerMs?: number
  /** Default 1 MiB. */
  readonly maxRequestBytes?: number
  /** Produce requests in flight per node, 1 to 5. Default 5. */
  readonly maxInFlight?: number
  /** When more than this waits for acknowledgement, `isFull` is true and drained() waits. Default 32 MiB. */
  readonly bufferBytes?: number
  /** From append to acknowledgement, over all retries. Default 120 000. */
  readonly deliveryTimeoutMs?: number
  /** How long a topic that does not exist (yet, or any more) is waited for. Default 10 000. */
  readonly topicTimeoutMs?: number
  /** Told when a topic with records on their way is gone. Default: nobody. */
  readonly warn?: (message: string) => void
}

/** The options with every default filled in. */
export interface ProducerSettings extends Required<Omit<ProducerOptions, 'transactionalId'>> {
  readonly transactionalId: string | undefined
}

/** Throws INVALID_ARGUMENT, and UNSUPPORTED_COMPRESSION for one that is not built in here. */
export function producerSettings(options: ProducerOptions): ProducerSettings {
  const settings = {
    transactionalId: options.transactionalId,
    transactionTimeoutMs: options.transactionTimeoutMs ?? 60_000,
    compression: options.compression ?? 'none',
    batchBytes: options.batchBytes ?? 256 * 1024,
    lingerMs: options.lingerMs ?? 0,
    maxRequestBytes: options.maxRequestBytes ?? 1024 * 1024,
    maxInFlight: options.maxInFlight ?? 5,
    bufferBytes: options.bufferBytes ?? 32 * 1024 * 1024,
    deliveryTimeoutMs: options.deliveryTimeoutMs ?? 120_000,
    topicTimeoutMs: options.topicTimeoutMs ?? 10_000,
    warn: options.warn ?? (() => {}),
  }
  const { maxInFlight, compression } = settings
  if (maxInFlight < 1 || maxInFlight > 5) {
    throw new EvertError('INVALID_ARGUMENT', `maxInFlight is 1 to 5, not ${maxInFlight}.`)
  }
  // Refuses a compression that is not built in now, not at the first batch.
  compress(compression, Buffer.alloc(0))
  return settings
}
