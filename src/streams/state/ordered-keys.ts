import type { ByteString } from './byte-store.ts'

const MAX_BLOCK = 512

/**
 * A set of keys in byte order: sorted blocks of at most 512 keys, found by binary search over their first keys.
 *
 * State: `#blocks`, none empty (except a single one when the set is), each block sorted, and every key of a block
 * below every key of the next. Adding splits a full block in halves, deleting drops an empty one; both move at most
 * one block's keys, so that a set of millions stays cheap to change while it is read in order.
 */
export class OrderedKeys {
  #blocks: ByteString[][]
  #size: number

  /** `keys` without duplicates, in any order; the array is kept. */
  constructor(keys: ByteString[]) {
    keys.sort()
    this.#size = keys.length
    this.#blocks = []
    for (let i = 0; i < keys.length; i += MAX_BLOCK / 2) this.#blocks.push(keys.slice(i, i + MAX_BLOCK / 2))
    if (this.#blocks.length === 0) this.#blocks.push([])
  }

  get size(): number {
    return this.#size
  }

  add(key: ByteString): void {
    const at = this.#blockOf(key)
    const block = this.#blocks[at] as ByteString[]
    const index = lowerBound(block, key)
    if (block[index] === key) return
    block.splice(index, 0, key)
    this.#size++
    if (block.length > MAX_BLOCK) this.#blocks.splice(at + 1, 0, block.splice(MAX_BLOCK / 2))
  }

  delete(key: ByteString): void {
    const at = this.#blockOf(key)
    const block = this.#blocks[at] as ByteString[]
    const index = lowerBound(block, key)
    if (block[index] !== key) return
    block.splice(index, 1)
    this.#size--
    if (block.length === 0 && this.#blocks.length > 1) this.#blocks.splice(at, 1)
  }

  /** Keys from `from` (inclusive) to `to` (exclusive). The set must not change while it is walked. */
  *range(from: ByteString | undefined, to: ByteString | undefined, reverse = false): Generator<ByteString> {
    const blocks = this.#blocks
    if (reverse) {
      const at = to === undefined ? blocks.length - 1 : this.#blockOf(to)
      for (let b = at; b >= 0; b--) {
        const block = blocks[b] as ByteString[]
        const end = to === undefined ? block.length : lowerBound(block, to)
        for (let i = end - 1; i >= 0; i--) {
          const key = block[i] as ByteString
          if (from !== undefined && key < from) return
          yield key
        }
      }
      return
    }
    const at = from === undefined ? 0 : this.#blockOf(from)
    for (let b = at; b < blocks.length; b++) {
      const block = blocks[b] as ByteString[]
      for (let i = from === undefined ? 0 : lowerBound(block, from); i < block.length; i++) {
        const key = block[i] as ByteString
        if (to !== undefined && key >= to) return
        yield key
      }
    }
  }

  /**
   * The same keys at once, in ascending order: for the few that one look-up finds, without a generator. Stops when
   * there are more than `limit`.
   */
  between(from: ByteString | undefined, to: ByteString | undefined, limit = Infinity): ByteString[] {
    const blocks = this.#blocks
    const keys: ByteString[] = []
    const at = from === undefined ? 0 : this.#blockOf(from)
    for (let b = at; b < blocks.length; b++) {
      const block = blocks[b] as ByteString[]
      // Every key of a block is above the first of the block that `from` would be in.
      const start = from === undefined || b > at ? 0 : lowerBound(block, from)
      for (let i = start; i < block.length; i++) {
        const key = block[i] as ByteString
        if (to !== undefined && key >= to) return keys
        keys.push(key)
        if (keys.length > limit) return keys
      }
    }
    return keys
  }

  /** The last block whose first key is not above `key`, or the first block. */
  #blockOf(key: ByteString): number {
    const blocks = this.#blocks
    let low = 0
    let high = blocks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (((blocks[middle] as ByteString[])[0] as ByteString) <= key) low = middle
      else high = middle - 1
    }
    return low
  }
}

/** The index of the first key that is not below `key`. */
function lowerBound(keys: readonly ByteString[], key: ByteString): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((keys[middle] as ByteString) < key) low = middle + 1
    else high = middle
  }
  return low
}
