import type { ByteString } from './byte-store.ts'

type Entry<T> = readonly [ByteString, T]

/**
 * Two ranges in the same order as one. Where both have a key the `over` entry hides the other; an `over` entry of
 * undefined hides it without taking its place. Closes both when left early.
 */
export function* mergeRanges<T>(
  over: Iterable<Entry<T | undefined>>,
  under: Iterable<Entry<T>>,
  reverse: boolean,
): Generator<Entry<T>> {
  const overs = over[Symbol.iterator]()
  const unders = under[Symbol.iterator]()
  try {
    let a = overs.next()
    let b = unders.next()
    while (a.done !== true || b.done !== true) {
      if (a.done !== true && (b.done === true || isFirst(a.value[0], b.value[0], reverse))) {
        if (b.done !== true && a.value[0] === b.value[0]) b = unders.next()
        const [key, value] = a.value
        if (value !== undefined) yield [key, value]
        a = overs.next()
      } else if (b.done !== true) {
        yield b.value
        b = unders.next()
      }
    }
  } finally {
    overs.return?.()
    unders.return?.()
  }
}

/** True also when they are equal. */
function isFirst(a: ByteString, b: ByteString, reverse: boolean): boolean {
  return reverse ? a >= b : a <= b
}
