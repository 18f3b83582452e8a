import { entriesOf, type GetResult, isEvertError, type Position, type ReadOptions, type View } from 'evert'

/**
 * The row as soon as it is what was asked for, or undefined when the time is up. Reads the view again whenever it has
 * moved on; no change is missed, since each read says where it stood and the next one waits for what comes after.
 */
export async function until<K, V>(
  view: View<K, V>,
  key: K,
  isSo: (row: V | undefined) => boolean,
  { timeoutMs = 10_000, ...options }: ReadOptions = {},
): Promise<GetResult<V> | undefined> {
  const endMs = performance.now() + timeoutMs
  let { minPosition } = options
  for (;;) {
    const left = Math.max(0, endMs - performance.now())
    try {
      const found = await view.getWithPosition(key, {
        ...options,
        ...(minPosition && { minPosition }),
        timeoutMs: left,
      })
      if (isSo(found.value)) return found
      minPosition = beyond(found.position)
    } catch (error) {
      if (isEvertError(error, 'TIMEOUT')) return undefined
      throw error
    }
  }
}

function beyond(position: Position): Position {
  const next: Record<string, Record<number, number>> = {}
  for (const [topic, partition, offset] of entriesOf(position)) next[topic] = { [partition]: offset + 1 }
  return next
}
