import { app, type Cluster, int64, type Running, string, topic } from 'evert'

export const words = topic('words', { key: string, value: string, partitions: 4 })
export const counts = topic('counts', { key: string, value: int64 })

const counting = app('counting')
counting
  .stream(words)
  .groupBy(word => word)
  .count({ store: 'counted' })
  .toStream()
  .to(counts)

/** Each call, in this process or in another one, is one more instance. */
export function startInstance(cluster: string | Cluster): Promise<Running> {
  return counting.start({ cluster, numStandbyReplicas: 1, sessionTimeoutMs: 6_000 })
}
