import type { Cluster } from '../../client/cluster.ts'
import type { Topology } from '../graph/topology.ts'
import type { StateEngine } from '../state/byte-store.ts'
import type { StoreObserver } from '../state/store-observer.ts'
import type { ApplicationState } from './application-life.ts'
import type { Guarantee } from './committer.ts'
import type { GroupSettings } from './group-settings.ts'
import type { Logger } from './logger.ts'
import type { RecordingLevel } from './record-counts.ts'
import type { RestoreProgress } from './restore.ts'
import type { Telemetry } from './telemetry.ts'
import type { ErrorPolicy } from '../processors/error-policy.ts'

export interface ApplicationOptions extends GroupSettings {
  readonly topology: Topology
  /** Stays open when the application is closed; so does the engine. */
  readonly cluster: Cluster
  readonly engine: StateEngine
  /**
   * Its number, from 1, when it is one of several workers of a process: each has transactions of its own, and tells in
   * the state of its tasks how far it is, for the other threads.
   */
  readonly worker?: number
  /** Default 100. */
  readonly commitIntervalMs?: number
  /** Default `exactly_once`. */
  readonly guarantee?: Guarantee
  /** What becomes of a record that fails. Default `fail`. */
  readonly onError?: ErrorPolicy
  /** Where other instances reach this one's views. */
  readonly userEndpoint?: { readonly host: string; readonly port: number }
  /** Makes the observers of a store; called once per task. */
  readonly observersOf?: (store: string) => readonly StoreObserver<unknown>[]
  readonly onStateChange?: (state: ApplicationState, before: ApplicationState) => void
  readonly onRestore?: (taskId: string, progress: RestoreProgress) => void
  /**
   * What becomes of a start with a topology that was changed so that state would be lost or misread: `refuse` (default)
   * throws TOPOLOGY_CHANGED.
   */
  readonly onTopologyChange?: 'refuse' | 'accept'
  readonly logger?: Logger
  /** Default: none. */
  readonly telemetry?: Telemetry
  /** Default `info`. */
  readonly metricsRecordingLevel?: RecordingLevel
  /**
   * How long the state of a task that runs elsewhere now is kept here, for its return. Default 600 000 (Kafka Streams:
   * state.cleanup.delay.ms).
   */
  readonly stateCleanupDelayMs?: number
  /** How often processed records of repartition topics are deleted. Default 30 000. */
  readonly purgeIntervalMs?: number
  /** How long an input may be missing (deleted, perhaps made again) before the application fails. Default 10 000. */
  readonly topicTimeoutMs?: number
  /**
   * How long a task with several inputs waits for records of one that is read to its end, before it takes those that
   * it has; -1: it never waits, not even for what is in the log. Default 0 (Kafka Streams: max.task.idle.ms).
   */
  readonly maxTaskIdleMs?: number
  /**
   * About how many bytes the changed values of all stores may take before they are committed, without waiting for the
   * interval; 0: a commit follows each few hundred records. Values that were used lately are kept beside them, in each
   * task up to 100 000 with the default and in proportion with others. Default 64 MiB (Kafka Streams:
   * statestore.cache.max.bytes).
   */
  readonly stateStoreCacheMaxBytes?: number
}
