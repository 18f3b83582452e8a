import { Segment } from './segment.ts'
import type { Place } from './segment-writer.ts'
import { SparseIndex } from './sparse-index.ts'

/** The segments of one log, by offset and without gaps: at least one; the last is the active one. */
export class SegmentList {
  readonly #place: Place
  readonly #segments: Segment[]
  #removing: Promise<void> = Promise.resolve()

  constructor(place: Place, segments: Segment[]) {
    this.#place = place
    this.#segments = segments
    for (const segment of segments) segment.finished = segment !== this.active
  }

  /** The one that is appended to. */
  get active(): Segment {
    return this.#segments[this.#segments.length - 1]!
  }

  get sizeBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.sizeBytes, 0)
  }

  /** As of now: what works on them while it waits is not disturbed by what comes or goes. */
  all(): readonly Segment[] {
    return [...this.#segments]
  }

  /** Those that are not yet whole on disk. */
  unfinished(): readonly Segment[] {
    return this.#segments.slice(this.#segments.findLastIndex(segment => segment.finished) + 1)
  }

  /** Whether something was appended that is not written, or a sealed segment is not finished. */
  isDirty(): boolean {
    const { active } = this
    const before = this.#segments.at(-2)
    return active.writtenBytes < active.sizeBytes || (before !== undefined && !before.finished)
  }

  /** The segment that holds the offset. */
  holding(offset: number): Segment {
    let low = 0
    let high = this.#segments.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#segments[middle]!.baseOffset <= offset) low = middle
      else high = middle - 1
    }
    return this.#segments[low]!
  }

  /** Seals the active segment and begins the next one, in memory. */
  roll({ tailShift, snapshot }: { readonly tailShift: number; readonly snapshot: Buffer }): void {
    const { disk, directory } = this.#place
    const baseOffset = this.active.endOffset
    const index = new SparseIndex(baseOffset)
    const segment = new Segment(disk, directory, { baseOffset, endOffset: baseOffset, sizeBytes: 0, index })
    segment.tailShift = tailShift
    segment.snapshot = snapshot
    this.#segments.push(segment)
  }

  /** Removes the files of the segments below the log's start, the oldest first. */
  removeBelow(logStartOffset: number): Promise<void> {
    const removed: Segment[] = []
    while (this.#segments.length > 1 && this.#segments[1]!.baseOffset <= logStartOffset) {
      // The next one begins with the producers' snapshot: without it on disk theirs would be lost.
      if (!this.#segments[0]!.finished || !this.#segments[1]!.begun) break
      removed.push(this.#segments.shift()!)
    }
    const work = this.#removing.then(async () => {
      for (const segment of removed) await segment.remove()
    })
    // What could not be removed now is removed at the next open; the caller is told.
    this.#removing = work.catch(() => {})
    return work
  }

  /** Resolves when the removals so far are done. */
  removed(): Promise<void> {
    return this.#removing
  }

  async close(): Promise<void> {
    await Promise.all(this.#segments.map(segment => segment.close()))
  }
}
