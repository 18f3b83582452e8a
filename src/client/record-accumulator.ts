import type { Clock } from '../internal/clock.ts'
import type { RecordHeader } from '../records/record-batch.ts'
import { RecordBatchBuilder } from '../records/record-batch-builder.ts'
import { assertHeaders } from '../records/record-headers.ts'
import type { Batch, PartitionQueue, ProducerIdentity } from './partition-queue.ts'
import type { ProducerSettings } from './producer-options.ts'

const MAX_IDLE_BUILDERS = 64
/** A record's lengths, deltas and attributes, generously. */
const RECORD_OVERHEAD_BYTES = 32

/** Calls are synchronous. */
export interface AccumulatorEvents {
  /** A partition got an open batch: it is due when the linger time is over. */
  onBegun(batch: Batch): void
  /** Batches were closed: they are due now. */
  onClosed(): void
}

/** Gathers records into batches, one open batch per partition, and counts what is not acknowledged. */
export class RecordAccumulator {
  /** Partitions with batches on their way; idle ones are left in until somebody looks. */
  readonly active = new Set<PartitionQueue>()
  readonly #settings: ProducerSettings
  readonly #clock: Clock
  readonly #events: AccumulatorEvents
  readonly #idleBuilders: RecordBatchBuilder[] = []
  #bufferedBytes = 0
  #nextOrder = 0

  constructor(settings: ProducerSettings, clock: Clock, events: AccumulatorEvents) {
    this.#settings = settings
    this.#clock = clock
    this.#events = events
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  /** Copies one record into the open batch of its partition, which it returns. Throws INVALID_ARGUMENT. */
  append(
    queue: PartitionQueue,
    timestamp: number,
    key: Buffer | null,
    value: Buffer | null,
    headers: readonly RecordHeader[],
  ): Batch {
    if (headers === null || headers.length !== 0) assertHeaders(headers)
    let batch = queue.open
    if (
      batch !== undefined &&
      (batch.builder as RecordBatchBuilder).sizeBytes + sizeOf(key, value, headers) >
        Math.min(this.#settings.batchBytes, queue.maxBatchBytes)
    ) {
      queue.seal()
      batch = undefined
      this.#events.onClosed()
    }
    const builder = batch?.builder ?? this.#idleBuilders.pop() ?? this.#newBuilder()
    builder.append(timestamp, key, value, headers)
    // A record that is refused begins no batch.
    batch ??= this.#begin(queue, builder)
    batch.count++
    this.#bufferedBytes += builder.sizeBytes - batch.sizeBytes
    batch.sizeBytes = builder.sizeBytes
    return batch
  }

  /** Closes the open batches; resolves when everything appended before is settled, well or not. */
  flush(): Promise<void> {
    return new Promise(resolve => {
      const flush = { remaining: 0, resolve }
      for (const queue of this.active) {
        queue.seal()
        for (const batch of queue.batches()) {
          flush.remaining++
          ;(batch.flushes ??= []).push(flush)
        }
      }
      if (flush.remaining === 0) resolve()
      else this.#events.onClosed()
    })
  }

  /** Moves the partition's next batch to those in flight; the first time it gets its bytes and sequences. */
  take(queue: PartitionQueue, identity: ProducerIdentity): Batch {
    const again = queue.retry.shift()
    if (again !== undefined) {
      queue.inFlight.push(again)
      again.attempts++
      return again
    }
    if (queue.sealed.length === 0) queue.seal()
    const batch = queue.sealed.shift() as Batch
    if (queue.identity === undefined || (queue.identity !== identity && queue.inFlight.length === 0)) {
      queue.adopt(identity)
    }
    const { producerId, epoch } = queue.identity as ProducerIdentity
    const builder = batch.builder as RecordBatchBuilder
    batch.bytes = builder.build({
      producerId,
      producerEpoch: epoch,
      baseSequence: queue.takeSequences(batch.count),
      transactional: this.#settings.transactionalId !== undefined,
    })
    batch.builder = undefined
    builder.reset()
    if (this.#idleBuilders.length < MAX_IDLE_BUILDERS) this.#idleBuilders.push(builder)
    batch.order = this.#nextOrder++
    batch.attempts++
    queue.inFlight.push(batch)
    return batch
  }

  /** The batch is settled: it no longer counts, and flushes no longer wait for it. */
  forget(batch: Batch): void {
    this.#bufferedBytes -= batch.sizeBytes
    for (const flush of batch.flushes ?? []) if (--flush.remaining === 0) flush.resolve()
  }

  #newBuilder(): RecordBatchBuilder {
    return new RecordBatchBuilder({ compression: this.#settings.compression })
  }

  #begin(queue: PartitionQueue, builder: RecordBatchBuilder): Batch {
    const batch: Batch = {
      builder,
      bytes: undefined,
      createdMs: this.#clock.elapsedMs(),
      sizeBytes: 0,
      count: 0,
      attempts: 0,
      order: -1,
      waiters: undefined,
      flushes: undefined,
    }
    queue.open = batch
    this.active.add(queue)
    this.#events.onBegun(batch)
    return batch
  }
}

function sizeOf(key: Buffer | null, value: Buffer | null, headers: readonly RecordHeader[]): number {
  let size = RECORD_OVERHEAD_BYTES + (key === null ? 0 : key.length) + (value === null ? 0 : value.length)
  for (const header of headers)
    size += RECORD_OVERHEAD_BYTES + header.key.length * 3 + (header.value?.length ?? 0)
  return size
}
