import type { Clock } from '../internal/clock.ts'
import type { Serial } from '../internal/serial.ts'
import type { GroupConfigs, GroupSettings } from './coordinators/group-configs.ts'
import type { GroupOffsets } from './coordinators/group-offsets.ts'
import type { ProducerIds } from './coordinators/producer-ids.ts'
import type { StreamsGroups } from './coordinators/streams/streams-groups.ts'
import type { TransactionCoordinator } from './coordinators/transaction.ts'
import type { LogStorage } from './storage/log-storage.ts'

/** The one node of the cluster. */
export const NODE_ID = 1
/** Leadership never moves, so its epoch never does. */
export const LEADER_EPOCH = 0

/** The protocol's number of what configs belong to. */
export const GROUP_RESOURCE = 32

/** What the handlers work with. */
export interface BrokerServices {
  readonly storage: LogStorage
  readonly clock: Clock
  readonly producerIds: ProducerIds
  readonly transactions: TransactionCoordinator
  readonly offsets: GroupOffsets
  readonly groupConfigs: GroupConfigs
  readonly streamsGroups: StreamsGroups
  readonly settings: BrokerSettings
  readonly topicCreations: Serial
  /** Where clients find this broker: the listener's address. */
  advertised: { readonly host: string; readonly port: number }
  /** Given when the broker begins to close: long polls end. */
  readonly closing: AbortSignal
  /** The support table: what ApiVersions answers. */
  readonly supported: readonly {
    readonly apiKey: number
    readonly minVersion: number
    readonly maxVersion: number
  }[]
}

/** Those of groups hold for each group that has no configs of its own. */
export interface BrokerSettings extends GroupSettings {
  /** Whether a Metadata request that allows it creates missing topics. Default false. */
  readonly autoCreateTopics: boolean
  /** Partitions of a topic that is created without a count. Default 1. */
  readonly defaultPartitions: number
  /** The longest transaction timeout that a producer may ask for. Default 900 000. */
  readonly maxTransactionTimeoutMs: number
  /** How often members of streams groups send heartbeats. Default 5000. */
  readonly heartbeatIntervalMs: number
  /** How long a member of a streams group may stay silent. Default 45 000. */
  readonly sessionTimeoutMs: number
  /** Warm copies of every stateful task, in other processes. Default 0. */
  readonly standbyReplicas: number
}

export const defaultSettings: BrokerSettings = {
  autoCreateTopics: false,
  defaultPartitions: 1,
  maxTransactionTimeoutMs: 900_000,
  heartbeatIntervalMs: 5000,
  sessionTimeoutMs: 45_000,
  standbyReplicas: 0,
}
