import type { Journal } from '../storage/log-storage.ts'

const KEY = 'producer-ids/next'
/** Ids made durable at once: a restart skips at most this many. */
const BLOCK_SIZE = 1000

/** Hands out producer ids, none of them twice, also across restarts. */
export class ProducerIds {
  readonly #journal: Journal
  #next: number
  #reserved: number
  #reserving: Promise<void> | undefined

  constructor(journal: Journal) {
    this.#journal = journal
    this.#next = 1
    for (const [key, value] of journal.entries('producer-ids/')) if (key === KEY) this.#next = Number(value)
    this.#reserved = this.#next
  }

  async next(): Promise<number> {
    while (this.#next === this.#reserved) {
      this.#reserving ??= this.#reserve()
      await this.#reserving
    }
    return this.#next++
  }

  async #reserve(): Promise<void> {
    const reserved = this.#reserved + BLOCK_SIZE
    try {
      await this.#journal.put([[KEY, reserved]])
      this.#reserved = reserved
    } finally {
      this.#reserving = undefined
    }
  }
}
