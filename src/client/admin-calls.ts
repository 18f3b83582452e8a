import { EvertError, isEvertError } from '../errors.ts'
import { errorCodes, isRetryable } from '../wire/error-codes.ts'
import type { Cluster } from './cluster.ts'
import type { Connection } from './connection.ts'
import { KafkaError } from './kafka-error.ts'
import { backoffMs, delay } from './retry.ts'
import { readFault } from './storage-fault.ts'
import type { TopicPartition } from './topic-partitions.ts'

/** How long an administrative call is tried again. */
const RETRY_WITHIN_MS = 30_000

/** Tries again what failed with a retryable error, for half a minute; then throws that error. */
export async function retried<T>(cluster: Cluster, call: () => Promise<T>): Promise<T> {
  const { clock, backoff } = cluster
  const deadlineMs = clock.elapsedMs() + RETRY_WITHIN_MS
  for (let attempt = 0; ; attempt++) {
    try {
      return await call()
    } catch (error) {
      const waitMs = backoffMs(backoff, attempt)
      if (!isEvertError(error) || !error.retryable || clock.elapsedMs() + waitMs > deadlineMs) throw error
      await delay(clock, waitMs)
    }
  }
}

/**
 * Sends one request per leader, and again for the partitions whose answer says that it may succeed later. `ask`
 * returns an error code for each partition of its group. Throws KafkaError for what is final.
 */
export function askLeaders<P extends TopicPartition>(
  cluster: Cluster,
  partitions: readonly P[],
  ask: (connection: Connection, group: readonly P[]) => Promise<(TopicPartition & { errorCode: number })[]>,
): Promise<void> {
  const { metadata } = cluster
  let open = [...partitions]
  let isStale = partitions.some(({ topic, partition }) => metadata.leaderOf(topic, partition) < 0)
  return retried(cluster, async () => {
    if (isStale) await metadata.refresh([...new Set(open.map(({ topic }) => topic))])
    isStale = true
    const groups = new Map<number, P[]>()
    let failure: EvertError | undefined
    for (const entry of open) {
      const { topic, partition } = entry
      const leader = metadata.leaderOf(topic, partition)
      if (leader < 0) {
        failure = leaderless(cluster, entry)
        continue
      }
      const group = groups.get(leader)
      if (group === undefined) groups.set(leader, [entry])
      else group.push(entry)
    }
    const done = new Set<string>()
    for (const [leader, group] of groups) {
      const connection = await cluster.connections.get(leader)
      for (const { topic, partition, errorCode } of await ask(connection, group)) {
        if (errorCode === 0) {
          done.add(`${partition}/${topic}`)
          continue
        }
        const what = `The request for ${topic}-${partition} was refused`
        const fault = readFault(connection, { topic, partition }, errorCode, what)
        if (fault !== undefined) throw fault
        const error = new KafkaError(errorCode, what, { topic, partition })
        if (!isRetryable(errorCode)) throw error
        failure = error
      }
    }
    open = open.filter(({ topic, partition }) => !done.has(`${partition}/${topic}`))
    if (failure !== undefined) throw failure
  })
}

/** Why no leader is known after a refresh. */
function leaderless({ metadata }: Cluster, { topic, partition }: TopicPartition): EvertError {
  const place = `Partition ${topic}-${partition}`
  if (metadata.topic(topic)?.leaders[partition] !== undefined) {
    return new EvertError('CONNECTION', `${place} has no leader right now.`, { retryable: true })
  }
  return new KafkaError(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, `${place} does not exist`, {
    topic,
    partition,
  })
}
