import { latency } from '../../internal/latency.ts'
import { counter, gauge } from '../../internal/metric.ts'

const APPLICATION = 'stream'
const THREAD = 'stream-thread'
const TASK = 'stream-task'
const NODE = 'stream-processor-node'
const STORE = 'stream-state'
const RESTORE = 'stream-state-updater'

/** Everything that the engine measures. Ratios are of the last minute. */
export const streamsMetrics = {
  // The instance
  state: gauge(APPLICATION, 'client-state', 'What the instance is doing: 1 for the label `state` of now.'),
  aliveWorkers: gauge(APPLICATION, 'alive-stream-threads', 'Workers that run.'),
  failedWorkers: gauge(APPLICATION, 'failed-stream-threads', 'Workers that ended because of an error.'),

  // Its worker
  polls: counter(THREAD, 'poll-total', 'How often the worker looked for fetched records.'),
  pollRatio: gauge(THREAD, 'poll-ratio', 'Part of the time spent waiting for records.', 'ratio'),
  processed: counter(THREAD, 'process-total', 'Records processed.'),
  processRatio: gauge(THREAD, 'process-ratio', 'Part of the time spent processing.', 'ratio'),
  punctuations: counter(THREAD, 'punctuate-total', 'Punctuations by wall clock.'),
  punctuateRatio: gauge(
    THREAD,
    'punctuate-ratio',
    'Part of the time spent in punctuations by wall clock and in results of asynchronous calls.',
    'ratio',
  ),
  commits: counter(THREAD, 'commit-total', 'Commits that were decided.'),
  failedCommits: counter(
    THREAD,
    'commit-failed-total',
    'Commits that failed; their records were processed again.',
  ),
  commitLatency: latency(THREAD, 'commit-latency', 'the time that a commit took'),
  commitRatio: gauge(THREAD, 'commit-ratio', 'Part of the time spent in commits.', 'ratio'),
  tasksCreated: counter(THREAD, 'task-created-total', 'Tasks that were opened.'),
  tasksClosed: counter(THREAD, 'task-closed-total', 'Tasks that were closed.'),

  // Tasks
  taskProcessed: counter(TASK, 'process-total', 'Records processed.'),
  taskProcessTime: counter(TASK, 'process-latency-total', 'Time spent processing them.', 'ms'),
  endToEnd: latency(TASK, 'record-e2e-latency', 'the time from the timestamp of a record to its processing'),
  lag: gauge(
    TASK,
    'records-lag',
    'Offsets from the last processed record to the end of the input partition.',
  ),
  buffered: gauge(TASK, 'active-buffer-count', 'Records that are fetched and not yet processed.'),
  cacheBytes: gauge(
    TASK,
    'cache-size-bytes-total',
    'Bytes of values that changed since the last commit.',
    'bytes',
  ),
  pendingCalls: gauge(TASK, 'pending-calls', 'Calls of asynchronous functions that have not ended.'),
  outOfOrder: counter(TASK, 'out-of-order-records-total', 'Records behind the stream time of their task.'),
  dropped: counter(TASK, 'dropped-records-total', 'Records that an operator did not take, by reason.'),

  // Operators, on the level debug
  nodeProcessed: counter(NODE, 'process-total', 'Records that the operator was given.'),

  // Stores
  keys: gauge(STORE, 'num-keys', 'Committed rows of the store, about.'),
  gets: counter(STORE, 'get-total', 'Values that were asked for by their key.'),
  puts: counter(STORE, 'put-total', 'Values that were put or deleted.'),
  ranges: counter(STORE, 'range-total', 'Ranges that were read.'),

  // Restores
  restored: counter(RESTORE, 'restore-total', 'Changelog records that were applied.'),
  restoreRemaining: gauge(
    RESTORE,
    'restore-remaining-records-total',
    'Changelog offsets still to be restored.',
  ),
  updateRemaining: gauge(
    RESTORE,
    'update-remaining-records-total',
    'Changelog offsets that a standby task does not have yet.',
  ),
  restoreRatio: gauge(RESTORE, 'restored-ratio', 'Part of the assigned state that is restored.', 'ratio'),
}
