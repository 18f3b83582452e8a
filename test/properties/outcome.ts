import type { StoreDefinition } from '../../src/streams/graph/topology.ts'
import { WindowBlockCodec } from '../../src/streams/state/window-blocks.ts'
import type { StoredValue } from '../../src/streams/state/store.ts'
import type { RawRecord } from '../../src/testing/single-record.ts'

/** What a run leaves: rows of each store and records of each topic, as text. */
export type Outcome = ReadonlyMap<string, readonly string[]>

export function rowsAsText(
  { value: codec }: StoreDefinition,
  rows: Iterable<readonly [string, StoredValue<unknown>]>,
): string[] {
  // A store of windows is kept in blocks and read window by window.
  const textOf = (value: unknown) =>
    codec instanceof WindowBlockCodec ? JSON.stringify(value) : text(codec.encode(value))
  return Array.from(
    rows,
    ([key, { value, timestamp }]) => `${JSON.stringify(key)} = ${textOf(value)} at ${timestamp}`,
  )
}

/** Without headers, where those of dead letters tell offsets. */
export function recordsAsText(records: readonly RawRecord[], withHeaders: boolean): string[] {
  return records.map(({ key, value, timestamp, headers }) => {
    const told = withHeaders ? headers.map(header => ` ${header.key}:${text(header.value)}`).join('') : ''
    return `${text(key)} = ${text(value)} at ${timestamp}${told}`
  })
}

/** The first difference, in words; undefined when there is none. */
export function differenceBetween(expected: Outcome, found: Outcome): string | undefined {
  for (const name of new Set([...expected.keys(), ...found.keys()])) {
    const [left = [], right = []] = [expected.get(name), found.get(name)]
    const length = Math.max(left.length, right.length)
    for (let i = 0; i < length; i++) {
      if (left[i] === right[i]) continue
      return `${name}, line ${i} of ${left.length}: expected ${left[i] ?? 'nothing'}; found ${right[i] ?? 'nothing'}`
    }
  }
  return undefined
}

function text(bytes: Buffer | null): string {
  return bytes === null ? 'null' : JSON.stringify(bytes.toString('latin1'))
}
