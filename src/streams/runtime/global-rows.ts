import { EvertError } from '../../errors.ts'
import { latin1Slice } from '../../internal/latin1.ts'
import type { RecordColumns } from '../../records/record-columns.ts'
import type { GlobalTable } from '../graph/topology.ts'
import type { KeyValueStore } from '../state/store.ts'
import { writeDeadLetter } from './dead-letter.ts'
import { globalRow } from './global-row.ts'
import type { RecordCollector } from '../state/record-collector.ts'
import type { RecordCounts } from './record-counts.ts'
import type { DropReason } from '../processors/drop-reason.ts'
import { GLOBAL_TASK } from '../state/task-id.ts'
import type { ErrorDecision, ErrorPolicy, FailedRecord } from '../processors/error-policy.ts'
import type { RecordLimit } from '../../records/record-limit.ts'
import { decisionOf, type ErrorRules, rulesOf } from './error-rules.ts'
import { isFaultOfRecord } from './fault.ts'
import { failedRead } from './failed-input.ts'

export interface GlobalRowsOptions {
  /** Where dead letters go. */
  readonly collector: RecordCollector
  readonly applicationId: string
  readonly onError: ErrorPolicy | undefined
  /** What the topics of dead letters take. */
  readonly limitOf: (topic: string) => RecordLimit
  readonly warn: (text: string) => void
  /** Of all tasks of the instance. */
  readonly counts: RecordCounts
}

/** What was read of one partition. */
export interface ReadRecords {
  readonly partition: number
  /** Records before it are passed over. */
  readonly firstOffset: number
  readonly batches: readonly { records(): RecordColumns }[]
}

/** Makes rows of a global table from records, and does with those that fail what the error policy says. */
export class GlobalRows {
  readonly #options: GlobalRowsOptions
  readonly #rules: ErrorRules
  #refused = 0

  constructor(options: GlobalRowsOptions) {
    this.#options = options
    this.#rules = rulesOf(options.onError)
  }

  /** Records that did not decode. */
  get refused(): number {
    return this.#refused
  }

  /** Puts the rows of a fetch and returns how many records it had. Throws TASK_FAILED under the policy `fail`. */
  write(table: GlobalTable, part: ReadRecords, rows: KeyValueStore<unknown>): number {
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

  #drop({ store }: Pick<GlobalTable, 'store'>, reason: DropReason): void {
    this.#options.counts.of(GLOBAL_TASK).drop(store.name, reason)
  }

  #refuse(
    table: GlobalTable,
    partition: number,
    failed: { columns: RecordColumns; index: number; error: unknown },
  ): void {
    if (!isFaultOfRecord(failed.error)) throw failed.error
    const { topic, store } = table
    const { collector, warn, applicationId: application, limitOf } = this.#options
    const { error, columns, index } = failed
    const { where, record: input } = failedRead({ topic, partition, columns, index })
    const kind = isReadable(table, columns, index) ? 'processing' : 'deserialization'
    const record: FailedRecord = { ...input, kind, application, task: GLOBAL_TASK, node: store.name }
    const reason = error instanceof Error ? error.message : String(error)
    const stop = (cause: unknown, text: string): never => {
      throw new EvertError(
        'TASK_FAILED',
        `The global table "${store.name}" stopped ${where}: ${text} ` +
          'Correct the codec or the record, or choose onError: skip or deadLetter.',
        { cause },
      )
    }
    const decision = this.#decide(record, error, stop)
    if (decision === 'fail') return stop(error, reason)
    this.#refused++
    this.#drop(table, kind)
    if (decision === 'skip') {
      warn(
        `The global table "${store.name}" passes over ${topic}-${partition}, offset ${input.offset}: ${reason}`,
      )
      return
    }
    const letters = { topic: decision.deadLetter, limit: limitOf(decision.deadLetter) }
    writeDeadLetter(collector, letters, { error, record })
  }

  #decide(
    record: FailedRecord,
    error: unknown,
    stop: (cause: unknown, text: string) => never,
  ): ErrorDecision {
    try {
      return decisionOf(this.#rules[record.kind], error, record)
    } catch (thrown) {
      return stop(thrown, thrown instanceof Error ? thrown.message : String(thrown))
    }
  }
}

function isReadable({ store, derived }: GlobalTable, columns: RecordColumns, index: number): boolean {
  const key = columns.key(index)
  const value = columns.value(index)
  try {
    if (key !== null) store.key.decode(key)
    if (value !== null) (derived?.value ?? store.value).decode(value)
    return true
  } catch {
    return false
  }
}
