import { type Cluster, isEvertError, openCluster } from 'evert'
import { describeCluster } from 'evert/client'

export interface OpenedLog {
  readonly cluster: Cluster
  /** For Kafka clients. */
  readonly kafkaUrl: string
}

/** The cluster of a URL, or without one the embedded log of the directory, which Kafka clients reach at the port. */
export async function openLog(
  url: string | undefined,
  directory: string,
  kafkaPort: number | undefined,
): Promise<OpenedLog> {
  if (url !== undefined) return { cluster: await openCluster(url), kafkaUrl: url }
  const place = `file:${directory}`
  try {
    const cluster = await orAnyPort(kafkaPort, 9092, port => openCluster(place, { listener: { port } }))
    return { cluster, kafkaUrl: await kafkaUrlOf(cluster) }
  } catch (error) {
    // Retryable: the other process is still starting, and has not told where it listens.
    if (!isEvertError(error, 'DIRECTORY_IN_USE') || error.retryable) throw error
    await using theirs = await openCluster(place)
    throw new Error(
      `Another process runs on ${directory} (its log is at ${await kafkaUrlOf(theirs)}). ` +
        'Stop it, or choose another --data.',
      { cause: error },
    )
  }
}

/** Listens on the port that was asked for; when none was, on the usual one, or on any where that is taken. */
export async function orAnyPort<T>(
  asked: number | undefined,
  usual: number,
  listen: (port: number) => Promise<T>,
): Promise<T> {
  try {
    return await listen(asked ?? usual)
  } catch (error) {
    if (asked === undefined && isEvertError(error, 'CONNECTION')) return listen(0)
    throw error
  }
}

async function kafkaUrlOf(cluster: Cluster): Promise<string> {
  const { brokers } = await describeCluster(cluster)
  return `kafka://${brokers.map(({ host, port }) => `${host}:${port}`).join()}`
}
