import type { ByteString } from '../state/byte-store.ts'

/**
 * Whose turn it is among records that are worked on several at a time, but one after the other under the same key.
 * Records without a key wait for nobody.
 *
 * State: of each key that has a record ready or under way, the records behind it; and the ready ones, in the order in
 * which they became so.
 */
export class KeyTurns {
  readonly #behind = new Map<ByteString, number[]>()
  #ready: number[] = []
  #size = 0

  /** Records added and not ended. */
  get size(): number {
    return this.#size
  }

  add(record: number, key: ByteString | null): void {
    this.#size++
    const behind = key === null ? undefined : this.#behind.get(key)
    if (behind !== undefined) {
      behind.push(record)
      return
    }
    if (key !== null) this.#behind.set(key, [])
    this.#ready.push(record)
  }

  /** The next record that may begin, which is then under way. */
  next(): number | undefined {
    return this.#ready.shift()
  }

  /** The key's record that is under way is done. */
  end(key: ByteString | null): void {
    this.#size--
    if (key === null) return
    const following = this.#behind.get(key)?.shift()
    if (following === undefined) this.#behind.delete(key)
    else this.#ready.push(following)
  }
}
