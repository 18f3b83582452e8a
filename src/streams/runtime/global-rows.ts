import type { Cluster } from '../../client/cluster.ts'
import type { FetchedPartition } from '../../client/fetcher.ts'
import { Producer } from '../../client/producer.ts'
import { EvertError } from '../../errors.ts'
import { latin1Slice } from '../../internal/latin1.ts'
import type { RecordColumns } from '../../records/record-columns.ts'
import type { GlobalTable } from '../graph/topology.ts'
import type { KeyValueStore } from '../state/store.ts'
import { writeDeadLetter } from './dead-letter.ts'
import { globalRow } from './global-row.ts'
import type { RecordCounts } from './record-counts.ts'
import type { DropReason } from '../processors/drop-reason.ts'
import { GLOBAL_TASK } from '../state/task-id.ts'
import type { Logger } from './logger.ts'
import type { ErrorPolicy } from './task-options.ts'

export interface GlobalRowsOptions {
  readonly cluster: Cluster
  readonly onError: ErrorPolicy
  readonly logger: Logger
  /** Of all tasks of the instance. */
  readonly counts: RecordCounts
}

/**
 * Makes rows of a global table from records, and does with those that do not decode what the error policy says.
 *
 * Dead letters are written by each instance, since each keeps its own copy of the table, and before the position moves
 * on: after a crash in between they are written again.
 */
export class GlobalRows {
  readonly #options: GlobalRowsOptions
  #producer: Producer | undefined
  #hasDeadLetters = false
  #refused = 0

  constructor(options: GlobalRowsOptions) {
    this.#options = options
  }

  /** Records that did not decode. */
  get refused(): number {
    return this.#refused
  }

  /** Puts the rows of a fetch and returns how many records it had. Throws TASK_FAILED under the policy `fail`. */
  write(table: GlobalTable, part: FetchedPartition, rows: KeyValueStore<unknown>): number {
    let count = 0
    for (const batch of part.batches) {
      const columns = batch.records()
      let index = 0
      const putRest = (): void => {
        for (; index < columns.count; index++) {
          const key = columns.key(index)
          if (columns.offset(index) < part.firstOffset) continue
          if (key === null) {
            this.#drop(table, 'null-key')
            continue
          }
          rows.put(latin1Slice(key), globalRow(table, key, columns.value(index)), columns.timestamp(index))
          count++
        }
      }
      while (index < columns.count) {
        try {
          putRest()
        } catch (error) {
          this.#refuse(table, part.partition, { columns, index, error })
          index++
        }
      }
    }
    return count
  }

  /** Resolves when the dead letters of all writes are durable. */
  async flush(): Promise<void> {
    if (!this.#hasDeadLetters) return
    await this.#producer?.flush()
    this.#hasDeadLetters = false
  }

  async close(): Promise<void> {
    await this.#producer?.close()
  }

  #drop({ store }: Pick<GlobalTable, 'store'>, reason: DropReason): void {
    this.#options.counts.of(GLOBAL_TASK).drop(store.name, reason)
  }

  #refuse(
    { topic, store }: GlobalTable,
    partition: number,
    failed: { columns: RecordColumns; index: number; error: unknown },
  ): void {
    const { onError, logger, cluster } = this.#options
    const offset = failed.columns.offset(failed.index)
    const reason = failed.error instanceof Error ? failed.error.message : String(failed.error)
    if (onError === 'fail') {
      throw new EvertError(
        'TASK_FAILED',
        `The global table "${store.name}" stopped at ${topic}-${partition}, offset ${offset}: ${reason} ` +
          'Correct the codec or the record, or choose onError: skip or deadLetter.',
        { cause: failed.error },
      )
    }
    this.#refused++
    this.#drop({ store }, 'deserialization')
    if (onError === 'skip') {
      logger.warn(
        `The global table "${store.name}" passes over ${topic}-${partition}, offset ${offset}: ${reason}`,
      )
      return
    }
    this.#producer ??= new Producer(cluster)
    this.#hasDeadLetters = true
    const producer = this.#producer
    writeDeadLetter({ collect: producer.append.bind(producer) }, onError.deadLetter, {
      ...failed,
      origin: { topic, partition, offset, node: store.name },
    })
  }
}
