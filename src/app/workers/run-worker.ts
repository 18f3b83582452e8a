import { EvertError } from '../../errors.ts'
import { deferred } from '../../internal/deferred.ts'
import { describeAsText } from '../../streams/graph/describe.ts'
import type { Topology } from '../../streams/graph/topology.ts'
import { Application } from '../../streams/runtime/application.ts'
import type { Logger } from '../../streams/runtime/logger.ts'
import { LmdbWorkerEngine } from '../../streams/state/lmdb-worker.ts'
import { TaskClaims } from '../../streams/state/task-claims.ts'
import type { App, StartOptions } from '../app.ts'
import { powerLossWarning } from '../state-engine.ts'
import { indexedBy } from '../view-indexes.ts'
import { collectApps } from './declared-apps.ts'
import type { FromWorker, ToWorker, TypedPort, WorkerCounts, WorkerStart } from './messages.ts'
import { openThreadCluster } from './thread-cluster.ts'

/** Runs one worker in this thread. Resolves when it was told to close, rejects with why it failed. */
export async function runWorker(start: WorkerStart, port: TypedPort<FromWorker>): Promise<void> {
  const { worker, instanceId, subTopologies, claims } = start
  const logger: Logger = {
    info: message => port.postMessage({ type: 'log', level: 'info', message }),
    warn: message => port.postMessage({ type: 'log', level: 'warn', message }),
  }
  const { app, options } = await loadApp(start)
  const topology = app.topology()
  requireSame(topology, start)
  await using opened = new AsyncDisposableStack()
  const cluster = opened.use(await openThreadCluster(start.clusterUrl, message => logger.warn(message)))
  const engine = new LmdbWorkerEngine({
    directory: start.stateDirectory,
    instanceId,
    worker,
    claims: new TaskClaims(subTopologies, claims),
    onPowerLoss: taskId => logger.warn(powerLossWarning(taskId)),
  })
  opened.defer(() => engine.close())
  const { onError, ...others } = start.options
  const policy = onError === 'theirs' ? requireOnError(start, options) : onError
  const application = opened.use(
    new Application({
      ...others,
      ...(policy !== undefined && { onError: policy }),
      ...(options?.telemetry !== undefined && { telemetry: options.telemetry }),
      worker,
      topology,
      cluster,
      engine,
      logger,
      observersOf: indexedBy(topology),
      onRestore: (taskId, progress) => port.postMessage({ type: 'restore', taskId, progress }),
    }),
  )
  if (start.isPaused) application.pause()
  report(application, port)
  measure(application, port)
  obey(application, port)
  await application.start()
  port.postMessage({ type: 'joined' })
  // It ends without tasks when it is closed, or fails, before.
  application.whenAssigned().then(
    () => port.postMessage({ type: 'assigned' }),
    () => {},
  )
  await application.whenEnded()
  if (application.failure !== undefined) throw application.failure
}

interface Loaded {
  readonly app: App
  /** Of the module's own call of `start`, if it makes one. */
  readonly options: StartOptions | undefined
}

/** Loads the module as far as its call of `start`, or, without one, to its end. */
async function loadApp({ module, applicationId }: WorkerStart): Promise<Loaded> {
  const started = deferred<Loaded>()
  const declared: App[] = []
  collectApps({ applicationId, declared, onStart: (app, options) => started.resolve({ app, options }) })
  const loaded = import(module).then((): Loaded => {
    const own = declared.filter(({ id }) => id === applicationId)
    const [app] = own
    if (app !== undefined && own.length === 1) return { app, options: undefined }
    const what = own.length === 0 ? `declares no application` : `declares ${own.length} applications`
    throw new EvertError(
      'INVALID_ARGUMENT',
      `The module ${module} ${what} "${applicationId}" when a worker loads it. Declare the application with ` +
        'app(…) at the top of the module that `workers` names, once, and with the same copy of evert.',
    )
  })
  return Promise.race([started.promise, loaded])
}

/** The threads of an application, and the one that queries it, must mean the same by the names of its tasks. */
function requireSame(topology: Topology, { description, module }: WorkerStart): void {
  if (describeAsText(topology) === description) return
  throw new EvertError(
    'INVALID_TOPOLOGY',
    `The module ${module} declares another topology in a worker than in the main thread. Declare the same ` +
      'streams, tables and views in both, whatever the thread, and before start is called.',
  )
}

function requireOnError({ module }: WorkerStart, options: StartOptions | undefined) {
  if (options?.onError !== undefined) return options.onError
  throw new EvertError(
    'INVALID_ARGUMENT',
    `onError has functions, which workers cannot be sent: the module ${module} must call start itself, with that option.`,
  )
}

function report(application: Application, port: TypedPort<FromWorker>): void {
  let known = ''
  application.onChange(() => {
    const { counts, state } = application
    const now: WorkerCounts = { dropped: counts.dropped(), outOfOrder: counts.outOfOrder() }
    const text = JSON.stringify(now)
    const { restoredRatio, maxLag } = application
    const tasks = application.tasks().map(({ id, committed }) => ({ id, offsets: committed }))
    port.postMessage({
      type: 'changed',
      state,
      tasks,
      restoredRatio,
      maxLag,
      ...(text !== known && { counts: now }),
    })
    known = text
  })
}

/** What the main thread shows of it is at most so old. */
const METRICS_INTERVAL_MS = 1_000

function measure(application: Application, port: TypedPort<FromWorker>): void {
  const timer = setInterval(() => {
    const { state } = application
    if (state !== 'RUNNING' && state !== 'REBALANCING') clearInterval(timer)
    else port.postMessage({ type: 'metrics', families: application.metrics() })
  }, METRICS_INTERVAL_MS)
  timer.unref()
}

function obey(application: Application, port: TypedPort<FromWorker>): void {
  port.on('message', (message: ToWorker) => {
    switch (message.type) {
      case 'close':
        // How it ends is told by whenEnded.
        void application.close()
        break
      case 'giveUp':
        void application.giveUp()
        break
      case 'pause':
        if (message.isPaused) application.pause()
        else application.resume()
    }
  })
}
