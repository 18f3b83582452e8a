import type { Cluster } from '../../src/client/cluster.ts'
import { Producer } from '../../src/client/producer.ts'
import { isEvertError } from '../../src/errors.ts'
import type { Random } from '../format/random.ts'
import type { Outcome, Write } from './history.ts'
import { BASE_MS, type Entry, payments, STEP_MS, textOf, visits } from './shop.ts'

export const USERS = 50
const ABORTED_OF = 10
const BETWEEN_MS = 20

export interface WrittenEntry extends Entry {
  readonly topic: string
}

/** Writes visits and payments in transactions, some of which it aborts on purpose. */
export class Writer {
  readonly writes: Write[] = []
  readonly outcomes = new Map<string, Outcome>()
  /** What is committed, in order of n. */
  readonly committed: WrittenEntry[] = []
  aborts = 0
  fencings = 0
  readonly #producer: Producer
  readonly #random: Random
  readonly #note: (text: string) => void
  #n = 0
  #transactions = 0

  constructor(cluster: Cluster, random: Random, note: (text: string) => void) {
    this.#producer = new Producer(cluster, { transactionalId: 'writer', transactionTimeoutMs: 30_000 })
    this.#random = random
    this.#note = note
  }

  async start(): Promise<void> {
    await this.#producer.init()
  }

  /** About `rate` records a second, until it is over. */
  async run(rate: number, isOver: () => boolean): Promise<void> {
    const per = Math.max(1, Math.round((rate * BETWEEN_MS) / 1000))
    while (!isOver()) {
      const startedMs = performance.now()
      await this.write(1 + this.#random.below(per * 2 - 1))
      const restMs = BETWEEN_MS - (performance.now() - startedMs)
      if (restMs > 0) await new Promise(resolve => setTimeout(resolve, restMs))
    }
  }

  /** Records of random users, until they are committed. */
  async write(count: number, user?: (index: number) => string): Promise<void> {
    const drafts = Array.from({ length: count }, (_, index) => ({
      n: this.#n++,
      topic: user !== undefined || this.#random.oneIn(2) ? visits.name : payments.name,
      user: user?.(index) ?? `user-${this.#random.below(USERS)}`,
      partition: this.#random.below(3),
    }))
    for (let isCommitted = false; !isCommitted; ) {
      isCommitted = await this.#attempt(drafts, user === undefined && this.#random.oneIn(ABORTED_OF))
    }
  }

  async close(): Promise<void> {
    await this.#producer.close()
  }

  /** At once, whatever it is doing: that rejects. */
  async abandon(): Promise<void> {
    await this.#producer.abandon()
  }

  async #attempt(drafts: readonly Omit<WrittenEntry, 'transaction'>[], isDoomed: boolean): Promise<boolean> {
    const transaction = `t${this.#transactions++}`
    const entries = drafts.map(draft => ({ ...draft, transaction }))
    this.outcomes.set(transaction, 'unknown')
    try {
      this.#producer.begin()
      for (const entry of entries) this.#append(entry)
      if (isDoomed) {
        // What was sent reaches the log, so that readers have something to leave out.
        await this.#producer.flush()
        await this.#producer.abort()
        this.aborts++
        this.outcomes.set(transaction, 'aborted')
        return false
      }
      await this.#producer.commit()
      this.outcomes.set(transaction, 'committed')
      this.committed.push(...entries)
      return true
    } catch (error) {
      this.#note(`writer: ${transaction} failed: ${(error as Error).message}`)
      await this.#recover()
      // An end that was not answered is asked for until the answer is exact: an error means that it was aborted.
      this.outcomes.set(transaction, 'aborted')
      return false
    }
  }

  #append({ topic, partition, ...entry }: WrittenEntry): void {
    const { n, user } = entry
    const value = Buffer.from(textOf({ ...entry, partition }))
    this.#producer.append(topic, partition, BASE_MS + n * STEP_MS, Buffer.from(String(n)), value, [])
    const { transaction } = entry
    if (topic === visits.name) {
      this.writes.push({ writer: `${partition}/${user}`, id: String(n), partition, transaction })
    }
  }

  async #recover(): Promise<void> {
    try {
      await this.#producer.abort()
    } catch (error) {
      if (!isEvertError(error, 'KAFKA')) throw error
      this.fencings++
      this.#note(`writer: takes its id anew: ${error.message}`)
      await this.#producer.init()
    }
  }
}
