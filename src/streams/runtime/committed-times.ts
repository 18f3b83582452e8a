/** What travels with a committed offset as its metadata, so that a task goes on from it wherever it runs next. */
export interface CommittedTimes {
  /** Stream time of the task when the offset was committed, or -1. */
  readonly streamTime: number
  /** Time of the partition as its timestamp extractor made it, or -1. */
  readonly partitionTime: number
}

/**
 * `stream-time=5`, ` partition-time=3` when the partition has one, and ` writer=` with the transactional id of who
 * commits, if it has one.
 */
export function writeTimes({ streamTime, partitionTime }: CommittedTimes, writer?: string): string {
  const partition = partitionTime < 0 ? '' : ` partition-time=${partitionTime}`
  return `stream-time=${streamTime}${partition}${writer === undefined ? '' : ` writer=${writer}`}`
}

/** Undefined: a writer without transactions, or somebody else. */
export function readWriter(metadata: string): string | undefined {
  return fieldOf('writer', metadata)
}

/** What is not there, or was written by somebody else, is -1. */
export function readTimes(metadata: string): CommittedTimes {
  return { streamTime: timeOf('stream-time', metadata), partitionTime: timeOf('partition-time', metadata) }
}

function timeOf(name: string, metadata: string): number {
  const time = Number(fieldOf(name, metadata) ?? -1)
  return Number.isSafeInteger(time) && time >= -1 ? time : -1
}

function fieldOf(name: string, metadata: string): string | undefined {
  const field = metadata.split(' ').find(part => part.startsWith(`${name}=`))
  return field?.slice(name.length + 1)
}
