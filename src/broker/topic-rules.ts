import { topicNameFault } from '../internal/topic-name.ts'
import { errorCodes } from '../wire/error-codes.ts'

/** A limit of our own: every partition costs an open file or two. */
export const MAX_PARTITIONS = 10_000

export interface Refusal {
  readonly code: number
  readonly message: string
}

export function refuseTopicName(name: string): Refusal | undefined {
  const fault = topicNameFault(name)
  if (fault === undefined) return undefined
  return {
    code: errorCodes.INVALID_TOPIC_EXCEPTION,
    message: `The topic name ${JSON.stringify(name)} ${fault}.`,
  }
}

export function refusePartitionCount(count: number): Refusal | undefined {
  if (Number.isInteger(count) && count >= 1 && count <= MAX_PARTITIONS) return undefined
  return {
    code: errorCodes.INVALID_PARTITIONS,
    message: `A topic has 1 to ${MAX_PARTITIONS} partitions; ${count} were asked for.`,
  }
}

/** Names that differ only in "." and "_" collide in Kafka's metric names, so Kafka refuses the second one. */
export function collidingName(name: string, existing: Iterable<string>): string | undefined {
  const folded = name.replaceAll('.', '_')
  for (const other of existing) if (other !== name && other.replaceAll('.', '_') === folded) return other
  return undefined
}
