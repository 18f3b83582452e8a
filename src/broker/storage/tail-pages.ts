import { assert } from '../../internal/assert.ts'

const SMALLEST_PAGE_BYTES = 16 * 1024
const LARGEST_PAGE_BYTES = 1024 * 1024

/** What the pages of all logs of a storage may hold together beyond what is not yet written. */
export class PageBudget {
  readonly #limitBytes: number
  #heldBytes = 0
  /** Whose full pages, oldest first. */
  readonly #queue: TailPages[] = []
  #head = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  filled(pages: TailPages, bytes: number): void {
    this.#heldBytes += bytes
    this.#queue.push(pages)
  }

  /** Drops the oldest full pages while there are too many; stops at one that is not written yet. */
  trim(): void {
    while (this.#heldBytes > this.#limitBytes && this.#head < this.#queue.length) {
      const dropped = this.#queue[this.#head]!.dropOldest()
      if (dropped === 0) break
      this.#heldBytes -= dropped
      this.#head++
    }
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue.splice(0, this.#head)
      this.#head = 0
    }
  }
}

interface Page {
  readonly buffer: Buffer
  /** Where the page begins, counted in bytes since the log was opened. */
  readonly start: number
  used: number
}

/**
 * The latest bytes of one log, in pages that are only ever appended to. Appends are copied in once, so that one write
 * takes many of them, and readers at the tail get slices without a system call. Positions here count the bytes
 * appended since the log was opened. A batch never straddles two pages.
 */
export class TailPages {
  readonly #budget: PageBudget
  #pages: Page[] = []
  #writtenBytes = 0
  #endBytes = 0
  #nextPageBytes = SMALLEST_PAGE_BYTES

  constructor(budget: PageBudget) {
    this.#budget = budget
  }

  get endBytes(): number {
    return this.#endBytes
  }

  /** Copies a batch to the end and gives the copy, still to be stamped. */
  append(batch: Buffer): Buffer {
    let page = this.#pages.at(-1)
    if (page === undefined || page.used + batch.length > page.buffer.length) page = this.#grow(batch.length)
    batch.copy(page.buffer, page.used)
    const copy = page.buffer.subarray(page.used, page.used + batch.length)
    page.used += batch.length
    this.#endBytes += batch.length
    return copy
  }

  /** The bytes from one position to another, as few slices as there are pages. */
  slices(from: number, to: number): Buffer[] {
    const slices: Buffer[] = []
    for (let at = this.#pageAt(from); at < this.#pages.length; at++) {
      const page = this.#pages[at]!
      if (page.start >= to) break
      slices.push(page.buffer.subarray(Math.max(0, from - page.start), Math.min(page.used, to - page.start)))
    }
    return slices
  }

  /** The rest of the page that holds the position, up to `to`; undefined when it is no longer (or not yet) here. */
  slice(from: number, to: number): Buffer | undefined {
    const first = this.#pages[0]
    if (first === undefined || from < first.start || from >= this.#endBytes) return undefined
    const page = this.#pages[this.#pageAt(from)]!
    return page.buffer.subarray(from - page.start, Math.min(page.used, to - page.start))
  }

  /** What lies before the position is in the file now. */
  written(position: number): void {
    this.#writtenBytes = position
    this.#budget.trim()
  }

  /** Gives the bytes freed; 0 when the oldest page is still needed. */
  dropOldest(): number {
    const page = this.#pages[0]
    assert(page !== undefined && this.#pages.length > 1, 'a log drops a full page that it has')
    if (page.start + page.used > this.#writtenBytes) return 0
    this.#pages.shift()
    return page.buffer.length
  }

  #grow(leastBytes: number): Page {
    const full = this.#pages.at(-1)
    const page = {
      buffer: Buffer.allocUnsafeSlow(Math.max(leastBytes, this.#nextPageBytes)),
      start: this.#endBytes,
      used: 0,
    }
    this.#pages.push(page)
    this.#nextPageBytes = Math.min(LARGEST_PAGE_BYTES, this.#nextPageBytes * 2)
    if (full !== undefined) this.#budget.filled(this, full.buffer.length)
    return page
  }

  #pageAt(position: number): number {
    let low = 0
    let high = this.#pages.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#pages[middle]!.start <= position) low = middle
      else high = middle - 1
    }
    return low
  }
}
