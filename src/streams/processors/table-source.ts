import { type RowWriter, rowWriter, type TableState } from './materialised.ts'
import type { Processor, ProcessorFactory, TaskContext } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'

/**
 * Turns a stream of upserts into a table (Kafka Streams: KTableSource): the latest record of a key in offset order is
 * its row, a null value deletes it, a null key is dropped. Keeps rows only when somebody reads them.
 */
export function tableSource(state: TableState): ProcessorFactory {
  return (context, next) =>
    state.store === undefined
      ? new PlainTableSource(context.node, context.task, next)
      : new StoredTableSource(
          context.node,
          context.task,
          rowWriter(context.keyValue(state.store), state, next),
        )
}

class PlainTableSource implements Processor {
  readonly #node: string
  readonly #task: TaskContext
  readonly #next: Processor

  constructor(node: string, task: TaskContext, next: Processor) {
    this.#node = node
    this.#task = task
    this.#next = next
  }

  process(record: StreamRecord): void {
    if (record.key === null) this.#task.drop(this.#node, 'null-key')
    else this.#next.process(record)
  }
}

class StoredTableSource implements Processor {
  readonly #node: string
  readonly #task: TaskContext
  readonly #rows: RowWriter

  constructor(node: string, task: TaskContext, rows: RowWriter) {
    this.#node = node
    this.#task = task
    this.#rows = rows
  }

  process(record: StreamRecord): void {
    this.#task.node = this.#node
    if (record.key === null) this.#task.drop(this.#node, 'null-key')
    else this.#rows.write(record, record.value)
  }
}
