import { alterGroupConfigs, describeConfigs } from '../../client/admin.ts'
import type { Cluster } from '../../client/cluster.ts'

/** What holds for all instances of an application; its group's coordinator keeps it. */
export interface GroupSettings {
  /**
   * On how many other instances the state of each stateful task is kept warm (Kafka's group config
   * `streams.num.standby.replicas`).
   */
  readonly numStandbyReplicas?: number
  /**
   * How long an instance may be silent before its tasks go to others (`streams.session.timeout.ms`). Apache Kafka allows
   * no less than its `group.streams.min.session.timeout.ms`, 45 s unless the cluster was told otherwise.
   */
  readonly sessionTimeoutMs?: number
  /** How often an instance says that it lives, and hears of new tasks (`streams.heartbeat.interval.ms`). */
  readonly heartbeatIntervalMs?: number
}

const NAMES: Readonly<Record<keyof GroupSettings, string>> = {
  numStandbyReplicas: 'streams.num.standby.replicas',
  sessionTimeoutMs: 'streams.session.timeout.ms',
  heartbeatIntervalMs: 'streams.heartbeat.interval.ms',
}

/**
 * Sets those that are given and differ: an instance that changes nothing needs no right to. Throws KafkaError with what
 * the cluster refuses.
 */
export async function applyGroupSettings(
  cluster: Cluster,
  groupId: string,
  settings: GroupSettings,
): Promise<void> {
  const wanted = Object.entries(NAMES).flatMap(([setting, name]) => {
    const value = settings[setting as keyof GroupSettings]
    return value === undefined ? [] : [[name, String(value)] as const]
  })
  if (wanted.length === 0) return
  const current = await describeConfigs(cluster, { group: groupId })
  const changed = wanted.filter(([name, value]) => current.get(name) !== value)
  if (changed.length > 0) await alterGroupConfigs(cluster, groupId, Object.fromEntries(changed))
}
