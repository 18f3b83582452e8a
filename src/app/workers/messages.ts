import type { MessagePort } from 'node:worker_threads'
import type { Guarantee } from '../../streams/runtime/committer.ts'
import type { GroupSettings } from '../../streams/runtime/group-settings.ts'
import type { ApplicationState } from '../../streams/runtime/application-life.ts'
import type { DroppedRecords, OutOfOrderRecords } from '../../streams/runtime/record-counts.ts'
import type { RecordingLevel } from '../../streams/runtime/record-counts.ts'
import type { MetricFamily } from '../../internal/metric.ts'
import type { RestoreProgress } from '../../streams/runtime/restore.ts'
import type { ErrorPolicy } from '../../streams/processors/error-policy.ts'
import type { ErrorMessage } from './error-message.ts'

/** What a thread is started with. */
export interface WorkerStart {
  /** From 1, and no two at a time have the same. */
  readonly worker: number
  readonly applicationId: string
  /** URL of the module that declares the application. */
  readonly module: string
  /** The topology as the main thread has it, described: the thread must declare the same. */
  readonly description: string
  readonly clusterUrl: string
  readonly stateDirectory: string
  readonly instanceId: string
  readonly claims: SharedArrayBuffer
  readonly subTopologies: number
  readonly isPaused: boolean
  readonly options: WorkerApplicationOptions
}

/** The options of `start` that concern a worker; all of them can be sent. */
export interface WorkerApplicationOptions extends GroupSettings {
  readonly commitIntervalMs?: number
  readonly maxTaskIdleMs?: number
  readonly stateStoreCacheMaxBytes?: number
  readonly guarantee?: Guarantee
  /** `theirs`: it has functions, which cannot be sent; the module's own call of `start` has them. */
  readonly onError?: ErrorPolicy | 'theirs'
  readonly onTopologyChange?: 'refuse' | 'accept'
  readonly metricsRecordingLevel?: RecordingLevel
  readonly stateCleanupDelayMs?: number
}

export type ToWorker =
  | { readonly type: 'close' }
  | { readonly type: 'giveUp' }
  | { readonly type: 'pause'; readonly isPaused: boolean }

/** A task whose state is restored, with the next offsets of its inputs that its last commit reflects. */
export interface WorkerTask {
  readonly id: string
  readonly offsets: ReadonlyMap<string, number>
}

export interface WorkerCounts {
  readonly dropped: readonly DroppedRecords[]
  readonly outOfOrder: readonly OutOfOrderRecords[]
}

export type FromWorker =
  /** It is a member of the group. */
  | { readonly type: 'joined' }
  | { readonly type: 'assigned' }
  /** Something changed: a commit, the tasks, or the state. */
  | {
      readonly type: 'changed'
      readonly state: ApplicationState
      readonly tasks: readonly WorkerTask[]
      readonly restoredRatio: number
      readonly maxLag: number
      /** Left out while they are the same. */
      readonly counts?: WorkerCounts
    }
  /** About once a second. */
  | { readonly type: 'metrics'; readonly families: readonly MetricFamily[] }
  | { readonly type: 'restore'; readonly taskId: string; readonly progress: RestoreProgress }
  | { readonly type: 'log'; readonly level: 'info' | 'warn'; readonly message: string }
  /** The last message. */
  | { readonly type: 'ended'; readonly failure: ErrorMessage | undefined }

/** A port with its two kinds of messages. */
export interface TypedPort<Out> extends Pick<MessagePort, 'on'> {
  postMessage(message: Out): void
}
