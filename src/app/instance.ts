import type { Application } from '../streams/runtime/application.ts'
import type { GlobalTables } from '../streams/runtime/global-tables.ts'
import type { HostedTask } from '../streams/runtime/hosted-task.ts'
import type { RecordCounts } from '../streams/runtime/record-counts.ts'

/**
 * One instance of an application as everything around it sees it: its life, and what views read of its tasks. The
 * tasks run in this thread (Application) or in workers (WorkerPool).
 *
 * Contract: `tasks()` are those whose state is restored; what their stores show is committed, and `committed` says which
 * commit it is. `onChange` calls back after each commit and each change of tasks or state. Between two calls in one
 * turn of the event loop nothing changes.
 */
export interface Instance
  extends AsyncDisposable,
    Pick<
      Application,
      | 'applicationId'
      | 'state'
      | 'failure'
      | 'isPaused'
      | 'pause'
      | 'resume'
      | 'onChange'
      | 'metrics'
      | 'restoredRatio'
      | 'maxLag'
      | 'start'
      | 'close'
      | 'giveUp'
      | 'whenAssigned'
      | 'whenRunning'
      | 'whenEnded'
    > {
  readonly counts: Pick<RecordCounts, 'dropped' | 'outOfOrder'>
  /** Those that have views. */
  readonly globalTables: Pick<GlobalTables, 'isFilled' | 'stores' | 'offsetsOf'>
  tasks(): InstanceTask[]
}

export type InstanceTask = Pick<HostedTask, 'id' | 'subTopology' | 'partition' | 'stores' | 'committed'>
