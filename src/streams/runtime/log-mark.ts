/** What a store holds cannot be continued from what its log holds; the message says why. */
export class StaleStateError extends Error {}

/** What a store's commit records about the log partition that it is a copy of: everything below is in the store. */
export function writeLogMark(topicId: string, nextOffset: number): string {
  return `${topicId} ${nextOffset}`
}

/** The next offset that a mark records; 0 without a mark. */
export function offsetOfMark(mark: string | undefined): number {
  return mark === undefined ? 0 : Number(mark.split(' ')[1])
}

export interface LogExtent {
  readonly topic: string
  readonly topicId: string
  readonly start: number
  readonly end: number
}

/**
 * Where a store with this mark reads its log on. Throws StaleStateError when the store is ahead of the log, belongs
 * to another topic of the same name, or the log was cut off behind it.
 */
export function resumeOffset(
  store: string,
  mark: string | undefined,
  { topic, topicId, start, end }: LogExtent,
): number {
  if (mark === undefined) return start
  const offset = offsetOfMark(mark)
  if (!mark.startsWith(`${topicId} `)) {
    throw new StaleStateError(`the topic "${topic}" was deleted and made again`)
  }
  if (offset > end) throw new StaleStateError(`"${store}" stands at ${offset}, its log "${topic}" at ${end}`)
  if (offset < start && offset < end) {
    throw new StaleStateError(`"${store}" stands at ${offset}, its log "${topic}" begins at ${start}`)
  }
  return offset
}
