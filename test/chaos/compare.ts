import { int64 } from '../../src/index.ts'
import { checkHistory, type Outcome, type Read, type Write } from './history.ts'
import { entryOf, greetings, pairs, visitCounts, visits, windowCounts } from './shop.ts'
import type { Row } from './tail.ts'
import type { WrittenEntry } from './writer.ts'

export interface Observed {
  readonly writes: readonly Write[]
  readonly outcomes: ReadonlyMap<string, Outcome>
  readonly committed: readonly WrittenEntry[]
  /** By output topic, read from the start when all was over. */
  readonly outputs: ReadonlyMap<string, readonly Row[]>
  /** By output topic, as they came while it happened. */
  readonly seen: ReadonlyMap<string, readonly Row[]>
  /** The outputs of a single instance to which nothing happened. */
  readonly expected: ReadonlyMap<string, readonly Row[]>
}

/** What of each kind is shown. */
const SHOWN = 5

/** Everything that differs from what exactly once means; empty when nothing does. */
export function differences({ writes, outcomes, committed, outputs, seen, expected }: Observed): string[] {
  const rowsOf = (topic: string): readonly Row[] => outputs.get(topic) ?? []
  const found: string[] = []

  const visited = new Map<string, number>()
  for (const { topic, user } of committed) {
    if (topic === visits.name) visited.set(user, (visited.get(user) ?? 0) + 1)
  }
  const counts = byKey(rowsOf(visitCounts.name), value => String(int64.decode(value)))
  for (const [user, count] of visited) {
    const wanted = Array.from({ length: count }, (_, index) => String(index + 1))
    found.push(...difference(`visits of ${user}`, counts.get(user) ?? [], wanted))
  }

  for (const { kind, id, detail } of checkHistory({
    writes,
    outcomes,
    reads: rowsOf(greetings.name).map(readOf),
  })) {
    found.push(`visit ${id}: ${kind}: ${detail}`)
  }

  for (const [topic, decode, isOrdered] of [
    [visitCounts.name, (value: Buffer) => String(int64.decode(value)), true],
    [windowCounts.name, (value: Buffer) => String(int64.decode(value)), true],
    [pairs.name, String, false],
    [greetings.name, greetingOf, false],
  ] as const) {
    const got = byKey(rowsOf(topic), decode)
    const wanted = byKey(expected.get(topic) ?? [], decode)
    for (const key of new Set([...got.keys(), ...wanted.keys()])) {
      const [a, b] = [got.get(key) ?? [], wanted.get(key) ?? []]
      found.push(
        ...(isOrdered
          ? difference(`${topic} of ${key}`, a, b)
          : difference(`${topic} of ${key}`, a.toSorted(), b.toSorted())),
      )
    }
    const place = ({ partition, offset, key, value }: Row): string =>
      `${partition}@${offset} ${key}=${decode(value)}`
    found.push(
      ...difference(
        `${topic} as it came and as it is`,
        inOrder(seen.get(topic) ?? []).map(place),
        inOrder(rowsOf(topic)).map(place),
      ),
    )
  }
  return found
}

/** Where two lists begin to differ. */
function difference(what: string, got: readonly string[], wanted: readonly string[]): string[] {
  const at = wanted.findIndex((value, index) => got[index] !== value)
  if (at < 0 && got.length === wanted.length) return []
  const from = at < 0 ? wanted.length : at
  const show = (list: readonly string[]): string => list.slice(from, from + SHOWN).join(', ') || 'nothing'
  return [
    `${what}: ${got.length} instead of ${wanted.length}; from ${from} on ${show(got)}, not ${show(wanted)}`,
  ]
}

function byKey(rows: readonly Row[], decode: (value: Buffer) => string): Map<string, string[]> {
  const lists = new Map<string, string[]>()
  for (const { key, value } of inOrder(rows)) {
    const list = lists.get(key)
    if (list === undefined) lists.set(key, [decode(value)])
    else list.push(decode(value))
  }
  return lists
}

function inOrder(rows: readonly Row[]): Row[] {
  return rows.toSorted((a, b) => a.partition - b.partition || a.offset - b.offset)
}

function readOf({ value, offset, partition }: Row): Read {
  const { n, partition: written, transaction } = entryOf(String(value))
  // The order to be kept is that of the input partition: a user's greetings are all in one output partition.
  return { id: String(n), partition: written, offset: offset + partition * 2 ** 40, transaction }
}

/** A transaction that was repeated has another name, and the run without faults has none of the first attempts. */
function greetingOf(value: Buffer): string {
  const [n, user, partition, , name] = String(value).split(' ')
  return `${n} ${user} ${partition} ${name}`
}
