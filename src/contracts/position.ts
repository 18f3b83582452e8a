import { EvertError } from '../errors.ts'

/**
 * How far a reader of the log has come: for each topic and partition the next offset, that is, everything below it
 * is applied. A partition that is not named counts as 0, nothing applied.
 *
 * As text, for headers: `orders:0=12,3=44;payments:1=5`.
 */
export type Position = Readonly<Record<string, Readonly<Record<number, number>>>>

/** The position at which a record that was written at `offset` is applied. */
export function positionAfter(topic: string, partition: number, offset: number): Position {
  return Object.fromEntries([[topic, { [partition]: offset + 1 }]])
}

/** The smallest position that covers all of these. */
export function mergePositions(...positions: readonly Position[]): Position {
  const merged = new Map<string, Record<number, number>>()
  for (const position of positions) {
    for (const [topic, partition, offset] of entriesOf(position)) {
      let offsets = merged.get(topic)
      if (offsets === undefined) merged.set(topic, (offsets = {}))
      offsets[partition] = Math.max(offsets[partition] ?? 0, offset)
    }
  }
  // fromEntries makes own properties of whatever names: a topic may be called `__proto__`.
  return Object.fromEntries(merged)
}

/** Whether a reader at `position` has applied all that `wanted` asks for. */
export function covers(position: Position, wanted: Position): boolean {
  for (const [topic, partition, offset] of entriesOf(wanted)) {
    if (offsetAt(position, topic, partition) < offset) return false
  }
  return true
}

/** The next offset of one partition; 0 when the position does not name it. */
export function offsetAt(position: Position, topic: string, partition: number): number {
  return Object.hasOwn(position, topic) ? (position[topic]?.[partition] ?? 0) : 0
}

/** The part of the position that `keep` accepts. */
export function filterPosition(
  position: Position,
  keep: (topic: string, partition: number) => boolean,
): Position {
  return mergePositions(
    ...entriesOf(position)
      .filter(([topic, partition]) => keep(topic, partition))
      .map(([topic, partition, offset]) => Object.fromEntries([[topic, { [partition]: offset }]])),
  )
}

/** All named partitions as [topic, partition, next offset], in order of topic name and partition. */
export function entriesOf(position: Position): [topic: string, partition: number, offset: number][] {
  return Object.keys(position)
    .toSorted()
    .flatMap(topic =>
      Object.entries(position[topic] ?? {}).map(([partition, offset]): [string, number, number] => [
        topic,
        Number(partition),
        offset,
      ]),
    )
}

/** The text form: equal positions give equal text. */
export function formatPosition(position: Position): string {
  const topics = new Map<string, string[]>()
  for (const [topic, partition, offset] of entriesOf(position)) {
    const offsets = topics.get(topic)
    if (offsets === undefined) topics.set(topic, [`${partition}=${offset}`])
    else offsets.push(`${partition}=${offset}`)
  }
  return [...topics].map(([topic, offsets]) => `${topic}:${offsets.join(',')}`).join(';')
}

const TOPIC_FORM = /^([a-zA-Z0-9._-]{1,249}):([0-9=,]+)$/
const OFFSET_FORM = /^(0|[1-9][0-9]{0,8})=(0|[1-9][0-9]{0,15})$/

/** Reads the text form; the empty text is the position that everything covers. Throws INVALID_ARGUMENT. */
export function parsePosition(text: string): Position {
  const topics = new Map<string, Record<number, number>>()
  if (text === '') return {}
  for (const part of text.split(';')) {
    const [, topic, list] = TOPIC_FORM.exec(part) ?? []
    if (topic === undefined || list === undefined || topics.has(topic)) throw badPosition(part)
    const offsets: Record<number, number> = {}
    for (const item of list.split(',')) {
      const [, partition, offset] = OFFSET_FORM.exec(item) ?? []
      if (partition === undefined || offset === undefined || !Number.isSafeInteger(Number(offset))) {
        throw badPosition(part)
      }
      if (Number(partition) in offsets) throw badPosition(part)
      offsets[Number(partition)] = Number(offset)
    }
    topics.set(topic, offsets)
  }
  return Object.fromEntries(topics)
}

function badPosition(part: string): EvertError {
  return new EvertError(
    'INVALID_ARGUMENT',
    `The position has the part ${JSON.stringify(part.slice(0, 100))}, which is not of the form ` +
      '"topic:partition=offset,partition=offset", with each topic and partition once and parts parted by ";".',
  )
}
