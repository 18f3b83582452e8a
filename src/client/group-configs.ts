import { incrementalAlterConfigs } from '../wire/messages/incremental-alter-configs.ts'
import { retried } from './admin-calls.ts'
import type { Cluster } from './cluster.ts'
import { KafkaError } from './kafka-error.ts'

export const GROUP_RESOURCE = 32
const SET = 0

/**
 * Sets configs of a group (Kafka's `streams.num.standby.replicas`, …); the others stay. Throws KafkaError: INVALID_CONFIG
 * for a name or value that the brokers do not allow, GROUP_AUTHORIZATION_FAILED.
 */
export async function alterGroupConfigs(
  cluster: Cluster,
  groupId: string,
  configs: Readonly<Record<string, string>>,
): Promise<void> {
  await retried(cluster, async () => {
    const connection = await cluster.anyConnection()
    const answer = await connection.send(incrementalAlterConfigs, {
      resources: [
        {
          resourceType: GROUP_RESOURCE,
          resourceName: groupId,
          configs: Object.entries(configs).map(([name, value]) => ({ name, configOperation: SET, value })),
        },
      ],
      validateOnly: false,
    })
    const { errorCode = -1, errorMessage = null } = answer.responses[0] ?? {}
    if (errorCode === 0) return
    const detail = errorMessage === null ? '' : ` (${errorMessage.replace(/\.$/, '')})`
    throw new KafkaError(errorCode, `Configs of the group "${groupId}" were refused${detail}`)
  })
}
