import type { Processor } from '../processors/processor.ts'
import type { StreamRecord } from '../processors/stream-record.ts'

/** An operator whose records are counted; built in on the level debug alone. */
export class CountedProcessor implements Processor {
  readonly #processor: Processor
  readonly #counter: { count: number }

  constructor(processor: Processor, counter: { count: number }) {
    this.#processor = processor
    this.#counter = counter
  }

  process(record: StreamRecord): void {
    this.#counter.count++
    this.#processor.process(record)
  }
}
