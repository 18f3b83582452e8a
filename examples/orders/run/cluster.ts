import { type Cluster, isEvertError, openCluster } from 'evert'
import { openEmbedded } from 'evert/broker'
import { clusterFromTransport, inProcessTransport, transportOptions } from 'evert/client'

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
  const embedded = await orAnyPort(kafkaPort, 9092, port =>
    openEmbedded(`file:${directory}`, { listener: { port } }),
  )
  if (embedded.kind === 'remote') {
    const { host, port } = embedded.address
    throw new Error(
      `Another process runs on ${directory} (its log is at kafka://${host}:${port}). Stop it, or choose another --data.`,
    )
  }
  const { host, port } = embedded.broker.address
  const transport = inProcessTransport(embedded.broker, transportOptions(), () => embedded.close())
  return { cluster: clusterFromTransport(transport), kafkaUrl: `kafka://${host}:${port}` }
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
