/** The entry of a worker thread: it runs one worker of the application until it is told to close, or fails. */
import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../../internal/assert.ts'
import { toErrorMessage } from './error-message.ts'
import type { WorkerStart } from './messages.ts'
import { runWorker } from './run-worker.ts'

assert(parentPort !== null, 'this is no worker thread')
const port = parentPort
const failure = await runWorker(workerData as WorkerStart, port).then(
  () => undefined,
  (error: unknown) => toErrorMessage(error),
)
port.postMessage({ type: 'ended', failure })
