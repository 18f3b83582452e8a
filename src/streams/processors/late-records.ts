import type { RecordHeader } from '../../records/record-batch.ts'
import type { DropReason } from './drop-reason.ts'
import { fanOut } from './fan-out.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'

/** What a record was too late for. */
export interface MissedWindow {
  readonly start: number
  readonly end: number
  /** Of the operator. */
  readonly streamTime: number
}

/** The operator's first child is the sink of its late records; the others get its results. */
export function sendingLate(create: ProcessorFactory): ProcessorFactory {
  return (context, _next, [late, ...others]) =>
    create(
      { ...context, children: context.children.slice(1), late: late as Processor },
      fanOut(others),
      others,
    )
}

/**
 * The late records of an operator: counted, and sent to its side topic if it has one, as they came to the operator, with
 * headers that tell what they missed (Flink: side output of late data). A record that missed several windows is
 * counted for each, and sent once, with the first of them.
 */
export class LateRecords {
  readonly #node: string
  readonly #task: TaskContext
  readonly #sink: Processor | undefined
  #sent: StreamRecord | undefined

  constructor({ node, task, late }: ProcessorContext) {
    this.#node = node
    this.#task = task
    this.#sink = late
  }

  drop(record: StreamRecord, missed: MissedWindow, reason: DropReason = 'late'): void {
    this.#task.drop(this.#node, reason)
    if (this.#sink === undefined || this.#sent === record) return
    this.#sent = record
    this.#sink.process(record.withHeaders([...record.headers, ...this.#headers(missed)]))
    this.#task.node = this.#node
  }

  #headers({ start, end, streamTime }: MissedWindow): RecordHeader[] {
    const { source } = this.#task
    const told = {
      operator: this.#node,
      'window-start': start,
      'window-end': end,
      'stream-time': streamTime,
      ...(source && { topic: source.topic, partition: source.partition, offset: source.offset }),
    }
    return Object.entries(told).map(([name, value]) => ({
      key: `__streams.late.${name}`,
      value: Buffer.from(String(value)),
    }))
  }
}
