import type { ByteString } from './byte-store.ts'
import type { StoredValue } from './store.ts'

/** A key that the engine has otherwise; undefined: it is deleted. */
export type UnflushedEntry<V> = readonly [ByteString, StoredValue<V> | undefined]

/**
 * A range over what the engine has not got, read as far as it is asked for. It sees the store as it was when it began:
 * before that changes, whoever changes it detaches the walk, which then copies what is left.
 */
export class UnflushedWalk<V> implements IterableIterator<UnflushedEntry<V>> {
  #keys: Iterator<ByteString> | undefined
  readonly #valueOf: (key: ByteString) => StoredValue<V> | undefined
  readonly #done: (walk: UnflushedWalk<V>) => void
  #rest: Iterator<UnflushedEntry<V>> | undefined

  /** `done` is called when it needs not be detached any more. */
  constructor(
    keys: Iterator<ByteString>,
    valueOf: (key: ByteString) => StoredValue<V> | undefined,
    done: (walk: UnflushedWalk<V>) => void,
  ) {
    this.#keys = keys
    this.#valueOf = valueOf
    this.#done = done
  }

  [Symbol.iterator](): this {
    return this
  }

  next(): IteratorResult<UnflushedEntry<V>> {
    if (this.#rest !== undefined) return this.#rest.next()
    const key = this.#keys?.next()
    if (key !== undefined && key.done !== true) {
      return { done: false, value: [key.value, this.#valueOf(key.value)] }
    }
    return this.return()
  }

  return(): IteratorResult<UnflushedEntry<V>> {
    this.#keys = undefined
    this.#rest = undefined
    this.#done(this)
    return { done: true, value: undefined }
  }

  detach(): void {
    if (this.#keys === undefined || this.#rest !== undefined) return
    const rest: UnflushedEntry<V>[] = []
    for (let key = this.#keys.next(); key.done !== true; key = this.#keys.next()) {
      rest.push([key.value, this.#valueOf(key.value)])
    }
    this.#rest = rest.values()
  }
}
