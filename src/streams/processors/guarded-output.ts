import type { Processor } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'

/** Stands before a sink, so that a record that it cannot write need not fail as a whole. `onError` throws, or it is left out. */
export class GuardedOutput implements Processor {
  readonly #output: Processor
  readonly #onError: (error: unknown) => void

  constructor(output: Processor, onError: (error: unknown) => void) {
    this.#output = output
    this.#onError = onError
  }

  process(record: StreamRecord): void {
    try {
      this.#output.process(record)
    } catch (error) {
      this.#onError(error)
    }
  }
}
