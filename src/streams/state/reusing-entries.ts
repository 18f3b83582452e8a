import type { ByteString } from './byte-store.ts'

export type StoredEntry = readonly [ByteString, Buffer | undefined]

/**
 * A list as an iterable of entries that makes no objects on its way: `fill` puts each item into one array that every
 * step hands out again. (A generator costs a result object and a tuple per entry.)
 */
export function reusingEntries<T>(
  items: readonly T[],
  fill: (item: T, entry: [ByteString, Buffer | undefined]) => void,
): Iterable<StoredEntry> {
  return {
    [Symbol.iterator]() {
      const entry: [ByteString, Buffer | undefined] = ['', undefined]
      const result: { done: boolean; value: StoredEntry } = { done: false, value: entry }
      let index = 0
      return {
        next() {
          if (index < items.length) fill(items[index++] as T, entry)
          else result.done = true
          return result
        },
      }
    },
  }
}
