import type { PartitionQueue } from './partition-queue.ts'

export interface TransactionPartitionsOptions {
  /** Adds partitions to the open transaction. */
  readonly add: (partitions: readonly PartitionQueue[]) => Promise<void>
  /** Nothing more is added: the transaction can only be aborted. */
  readonly isPoisoned: () => boolean
  /** Called before isPoisoned is asked again. */
  readonly onFailure: (error: Error) => void
  /** Some were added, or could not be. */
  readonly wake: () => void
}

/** The older transaction protocol: partitions are added to a transaction before they are produced to. */
export class TransactionPartitions {
  readonly #options: TransactionPartitionsOptions
  #added = new Set<PartitionQueue>()
  #wanted = new Set<PartitionQueue>()
  #isAdding = false

  constructor(options: TransactionPartitionsOptions) {
    this.#options = options
  }

  /** Whether the open transaction has the partition; if not, it will be added. */
  has(queue: PartitionQueue): boolean {
    if (this.#added.has(queue)) return true
    this.#wanted.add(queue)
    if (!this.#isAdding) void this.#add()
    return false
  }

  /** Another transaction begins. */
  reset(): void {
    this.#added = new Set()
    this.#wanted = new Set()
  }

  /** In one request after the other; never rejects. */
  async #add(): Promise<void> {
    const { add, isPoisoned, onFailure, wake } = this.#options
    this.#isAdding = true
    // All partitions of this pass go into the same request.
    await Promise.resolve()
    while (this.#wanted.size > 0 && !isPoisoned()) {
      const added = this.#added
      const adding = this.#wanted
      this.#wanted = new Set()
      try {
        await add([...adding])
        for (const queue of adding) added.add(queue)
      } catch (error) {
        onFailure(error as Error)
      }
    }
    this.#isAdding = false
    wake()
  }
}
