import { describeCluster } from '../../client/admin.ts'
import { type Cluster, clusterFromTransport, openCluster, transportOptions } from '../../client/cluster.ts'
import { EvertError } from '../../errors.ts'
import { ownerAddress } from '../../broker/open-embedded.ts'
import { ownerTransport } from '../owner-transport.ts'

/**
 * Where worker threads reach the cluster of their process: over TCP, also when its log is open in this process. Throws
 * INVALID_ARGUMENT for a log that does not listen.
 */
export async function urlForThreads(cluster: Cluster): Promise<string> {
  const { url } = cluster
  if (url?.startsWith('kafka:') === true || url?.startsWith('file:') === true) return url
  const { brokers } = await describeCluster(cluster)
  const listening = brokers.filter(({ port }) => port > 0)
  if (listening.length > 0) {
    const addresses = listening.map(({ host, port }) =>
      host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    )
    return `kafka://${addresses.join(',')}`
  }
  throw new EvertError(
    'INVALID_ARGUMENT',
    `Workers reach the log "${url ?? 'of the cluster'}" over TCP, and it does not listen: open it with { listener: {} }.`,
  )
}

/** The cluster of a thread. A thread never takes a log over: its process has it open, or another one. */
export async function openThreadCluster(url: string, warn: (message: string) => void): Promise<Cluster> {
  if (!url.startsWith('file:')) return openCluster(url)
  const address = ownerAddress(url)
  if (address === undefined) {
    throw new EvertError('CONNECTION', `No process serves the log "${url}" at the moment.`, {
      retryable: true,
    })
  }
  return clusterFromTransport(ownerTransport(url, address, transportOptions({ warn })))
}
