import { comparePlaces, type OrderTerm, type RowPlace } from './row-order.ts'

export interface PlacedRow<V> {
  readonly place: RowPlace
  readonly value: V
}

/**
 * The first `limit` rows of an order out of rows that come in any order.
 *
 * A binary heap with the last of the kept rows on top: a better row takes its place, so memory is bounded by `limit`
 * and a row costs O(log limit). Correct because a row that leaves has `limit` rows before it.
 */
export class TopRows<V> {
  readonly #order: readonly OrderTerm[]
  readonly #limit: number
  readonly #heap: PlacedRow<V>[] = []

  constructor(order: readonly OrderTerm[], limit: number) {
    this.#order = order
    this.#limit = limit
  }

  /** The last row kept, once there are as many as the limit: what does not come before it will not be taken. */
  get worst(): RowPlace | undefined {
    return this.#heap.length < this.#limit ? undefined : this.#heap[0]?.place
  }

  accepts(place: RowPlace): boolean {
    const { worst } = this
    if (worst !== undefined) return this.#compare(place, worst) < 0
    return this.#heap.length < this.#limit
  }

  /** Takes a row that `accepts` said yes to. */
  add(row: PlacedRow<V>): void {
    const heap = this.#heap
    if (heap.length === this.#limit) {
      heap[0] = row
      this.#sink(0)
    } else {
      heap.push(row)
      if (this.#limit !== Number.POSITIVE_INFINITY) this.#rise(heap.length - 1)
    }
  }

  /** The rows in order. */
  toSorted(): PlacedRow<V>[] {
    return this.#heap.toSorted((a, b) => this.#compare(a.place, b.place))
  }

  #compare(a: RowPlace, b: RowPlace): number {
    return comparePlaces(a, b, this.#order)
  }

  #rise(start: number): void {
    let at = start
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#swapIfAfter(at, parent)) return
      at = parent
    }
  }

  #sink(start: number): void {
    let at = start
    for (;;) {
      const left = 2 * at + 1
      const right = left + 1
      const child = right < this.#heap.length && this.#isAfter(right, left) ? right : left
      if (child >= this.#heap.length || !this.#swapIfAfter(child, at)) return
      at = child
    }
  }

  #swapIfAfter(child: number, parent: number): boolean {
    if (!this.#isAfter(child, parent)) return false
    const heap = this.#heap
    const row = heap[child] as PlacedRow<V>
    heap[child] = heap[parent] as PlacedRow<V>
    heap[parent] = row
    return true
  }

  #isAfter(a: number, b: number): boolean {
    const heap = this.#heap
    return this.#compare((heap[a] as PlacedRow<V>).place, (heap[b] as PlacedRow<V>).place) > 0
  }
}
