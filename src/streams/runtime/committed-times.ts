/** What travels with a committed offset as its metadata, so that a task goes on from it wherever it runs next. */
export interface CommittedTimes {
  /** Stream time of the task when the offset was committed, or -1. */
  readonly streamTime: number
  /** Time of the partition as its timestamp extractor made it, or -1. */
  readonly partitionTime: number
}

/** `stream-time=5`, and ` partition-time=3` when the partition has one. */
export function writeTimes({ streamTime, partitionTime }: CommittedTimes): string {
  const stream = `stream-time=${streamTime}`
  return partitionTime < 0 ? stream : `${stream} partition-time=${partitionTime}`
}

/** What is not there, or was written by somebody else, is -1. */
export function readTimes(metadata: string): CommittedTimes {
  return { streamTime: timeOf('stream-time', metadata), partitionTime: timeOf('partition-time', metadata) }
}

function timeOf(name: string, metadata: string): number {
  const field = metadata.split(' ').find(part => part.startsWith(`${name}=`))
  const time = field === undefined ? -1 : Number(field.slice(name.length + 1))
  return Number.isSafeInteger(time) && time >= -1 ? time : -1
}
