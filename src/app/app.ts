import { Cluster } from '../client/cluster.ts'
import { Producer } from '../client/producer.ts'
import type { ClusterListener } from '../client/transport/options.ts'
import { assertTopicName, type Topic } from '../contracts/topic.ts'
import { EvertError } from '../errors.ts'
import type { GlobalKTable } from '../streams/dsl/global-ktable.ts'
import type { KStream } from '../streams/dsl/kstream.ts'
import type { KTable } from '../streams/dsl/ktable.ts'
import type {
  SourceOptions,
  StoreOptions,
  TableOptions,
  VersionedTableOptions,
} from '../streams/dsl/options.ts'
import type { VersionedKTable } from '../streams/dsl/narrowed-tables.ts'
import { StreamsBuilder } from '../streams/dsl/streams-builder.ts'
import type { View } from '../streams/dsl/view.ts'
import type { TopologyOptions } from '../streams/graph/to-topology.ts'
import type { Topology } from '../streams/graph/topology.ts'
import { Application } from '../streams/runtime/application.ts'
import { refuseDeadLetterLoops } from '../streams/runtime/dead-letter-loops.ts'
import type { GroupSettings } from '../streams/runtime/group-settings.ts'
import type { ApplicationState } from '../streams/runtime/application-life.ts'
import type { Guarantee } from '../streams/runtime/committer.ts'
import { type Logger, silentLogger } from '../streams/runtime/logger.ts'
import type { RecordingLevel } from '../streams/runtime/record-counts.ts'
import type { RestoreProgress } from '../streams/runtime/restore.ts'
import type { Telemetry } from '../streams/runtime/telemetry.ts'
import type { ErrorPolicy } from '../streams/processors/error-policy.ts'
import type { ReadyOptions } from './application-health.ts'
import { serveApplication } from './application-server.ts'
import { applicationRoutes } from './application-routes.ts'
import { bindViews } from './bind-views.ts'
import { indexedBy } from './view-indexes.ts'
import { warnOf } from './failed.ts'
import { openCluster } from './open-cluster.ts'
import { requireAppOptions, requireCloseOptions, requireStartOptions } from './option-rules.ts'
import { closeOnSignals } from './process-signals.ts'
import { type CloseOptions, Running, type RunningParts } from './running.ts'
import type { Instance } from './instance.ts'
import { openStateEngine, openWorkersState } from './state-engine.ts'
import { declareApp, isStartedByWorker } from './workers/declared-apps.ts'
import { WorkerPool } from './workers/worker-pool.ts'
import { LmdbEngine } from '../streams/state/lmdb.ts'

export interface StartOptions extends GroupSettings {
  /** `file:DIRECTORY`, `memory:`, `kafka://host:port`, or a cluster that is open (and stays so). */
  readonly cluster: string | Cluster
  /** Where Kafka clients reach the log of `file:` (default: any free port) or `memory:` (default: nowhere). */
  readonly listener?: ClusterListener
  /** Parent of the application's state directory. Default: `state` beside a `file:` log, otherwise `./.evert/state`. */
  readonly stateDir?: string
  /**
   * Where state lives. Default: `memory` with a `memory:` cluster and no `stateDir`, otherwise `lmdb`. Workers need
   * `lmdb`: their default is, with a `memory:` cluster and no `stateDir`, a directory that is removed in the end.
   */
  readonly store?: 'lmdb' | 'memory'
  /** How often results become visible and durable. Default 100. */
  readonly commitIntervalMs?: number
  /**
   * How long records of one input wait for those of another that is read to its end; -1: not even for what is in its
   * log. Default 0.
   */
  readonly maxTaskIdleMs?: number
  /**
   * About how many bytes of changed values are held before they are committed early; with less, fewer values that were
   * used lately are kept in memory too. Default 64 MiB.
   */
  readonly stateStoreCacheMaxBytes?: number
  /** How long the state of a task that runs elsewhere now is kept on this machine, for its return. Default 600 000. */
  readonly stateCleanupDelayMs?: number
  /** Default `exactly_once`. */
  readonly guarantee?: Guarantee
  /**
   * What becomes of a record that fails: for all kinds of errors, or for each of its own. Default `fail`: the
   * application stops.
   *
   * @example
   * start({ cluster, onError: { deserialization: { deadLetter: 'unreadable' }, production: 'skip' } })
   */
  readonly onError?: ErrorPolicy
  readonly onStateChange?: (state: ApplicationState, before: ApplicationState) => void
  /** Told when the application stops because of an error. Default: a warning of the process. */
  readonly onFailure?: (error: Error) => void
  readonly onRestore?: (taskId: string, progress: RestoreProgress) => void
  /**
   * What becomes of a start with a topology that was changed so that state would be lost or misread. Default `refuse`:
   * TOPOLOGY_CHANGED, whose message says what changed and how to keep the state. `accept`: it starts as it is now.
   */
  readonly onTopologyChange?: 'refuse' | 'accept'
  readonly logger?: Logger
  /** Exports metrics and traces records: `openTelemetry()` of `evert/opentelemetry`. Default: nothing of that is done. */
  readonly telemetry?: Telemetry
  /** `debug` counts the records of every operator and what it asks of stores, too. Default `info`. */
  readonly metricsRecordingLevel?: RecordingLevel
  /**
   * Serves the application over HTTP; `running.http.url` says where. Throws CONNECTION when the port cannot be had.
   *
   *   GET /views/{name}         rows by conditions on the view's `fields` and `indexes`, see viewHandler of
   *                             `evert/service`: `?fulfilled=false&orderValue=100&operator=GreaterThan&limit=20`
   *   GET /views/{name}/{key}   one row: a string key as it is, numbers and JSON as they are written
   *   GET /health/live          200, or 503 when only a restart can help
   *   GET /health/ready         200 when all tasks of this instance run and are not too far behind, otherwise 503
   *   GET /health/startup       200 once they have run; before, 503 with the percentage of state that is restored
   *   GET /metrics              what is measured, as Prometheus scrapes it
   *
   * After a failure it goes on to answer, with the reason, until `close()`, but no longer keeps the process alive.
   */
  readonly http?: HttpOptions
  /**
   * Runs the tasks on this many threads; `module` is the module that declares the application, which each thread loads.
   * Default: on the thread that calls start. See docs/workers.md.
   *
   * @example
   * await shop.start({ cluster: 'file:./data', workers: { count: 2, module: import.meta.url } })
   */
  readonly workers?: WorkersOptions
  /** Closes the application when it is aborted. */
  readonly signal?: AbortSignal
  /**
   * `true`: SIGTERM and SIGINT close the application, within 10 s or the `timeoutMs` given here, and then end the
   * process as they would have; a second one ends it at once. Default false: a process has one owner of its signals,
   * and a service that has more to close than this calls `close()` itself.
   */
  readonly signals?: boolean | CloseOptions
}

/** A transaction that is left open blocks readers no longer than this either. */
const CLOSE_TIMEOUT_MS = 10_000

export interface WorkersOptions {
  /** 1 or more; `addWorker` and `removeWorker` change it. More than the machine has cores to spare are no faster. */
  readonly count: number
  /**
   * URL of the module that declares the application with `app(…)`: `import.meta.url`, or `new URL('./shop.ts',
   * import.meta.url)`. In a worker, the module's own call of `start` for this application never returns.
   */
  readonly module: string | URL
}

export interface HttpOptions extends ReadyOptions {
  /** 0 takes a free one. */
  readonly port: number
  /** Default `127.0.0.1`: only this machine. Nobody is asked who they are: put a proxy in front of any other. */
  readonly host?: string
}

/**
 * An application: streams, tables and views over topics. `id` names its group, its internal topics and its state;
 * all instances of one application have the same. Throws INVALID_TOPIC_NAME when it is no legal part of topic names.
 *
 * @example
 * const shop = app('shop')
 * const openOrders = shop.table(orders).filter(order => !order.fulfilled).view('openOrders')
 * await using running = await shop.start({ cluster: 'memory:' })
 * await openOrders.find({ customerId: 7 })
 */
export function app(id: string, options: TopologyOptions = {}): App {
  return new App(id, options)
}

export class App {
  readonly id: string
  readonly #builder: StreamsBuilder

  constructor(id: string, options: TopologyOptions = {}) {
    assertTopicName(id)
    requireAppOptions(options)
    this.#builder = new StreamsBuilder(options)
    this.id = id
    declareApp(this)
  }

  /** See StreamsBuilder.stream. */
  stream<K, V>(
    topics: Topic<K, V> | readonly [Topic<K, V>, ...Topic<K, V>[]],
    options?: SourceOptions<K, V>,
  ): KStream<K, V> {
    return this.#builder.stream(topics, options)
  }

  /** See StreamsBuilder.table. */
  table<K, V>(topic: Topic<K, V>, options?: TableOptions<K, V>): KTable<K, V> {
    return this.#builder.table(topic, options)
  }

  /** See StreamsBuilder.versionedTable. */
  versionedTable<K, V>(topic: Topic<K, V>, options: VersionedTableOptions<K, V>): VersionedKTable<K, V> {
    return this.#builder.versionedTable(topic, options)
  }

  /** See StreamsBuilder.globalTable. */
  globalTable<K, V>(topic: Topic<K, V>, options?: StoreOptions): GlobalKTable<K, V> {
    return this.#builder.globalTable(topic, options)
  }

  /** What was declared so far, as a plan that can run. */
  topology(): Topology {
    return this.#builder.build(this.id)
  }

  /**
   * Starts an instance: makes missing topics, joins the application's group, runs the tasks that it is given, and
   * makes the views answer. Resolves once it is a member of the group; views wait for their tasks by themselves.
   * Throws INVALID_ARGUMENT for an option that does not exist or has a value that it cannot have;
   * INVALID_TOPOLOGY when dead letters would come back as input for ever.
   */
  async start(options: StartOptions): Promise<Running> {
    requireStartOptions(options)
    // The thread runs the application's worker from here on.
    if (isStartedByWorker(this, options)) return new Promise(() => {})
    const {
      cluster: place,
      listener,
      stateDir,
      store,
      logger = silentLogger,
      http,
      signal,
      workers,
    } = options
    signal?.throwIfAborted()
    const topology = this.topology()
    refuseDeadLetterLoops(topology, options.onError)
    await using opened = new AsyncDisposableStack()
    const isOurs = !(place instanceof Cluster)
    if (!isOurs && listener !== undefined) {
      throw new EvertError(
        'INVALID_ARGUMENT',
        'The cluster is open already: give the listener to openCluster.',
      )
    }
    const clusterOptions = {
      ...(listener !== undefined && { listener }),
      // Workers reach the log over TCP; without a directory nobody else finds it.
      ...(listener === undefined && workers !== undefined && isMemory(place) && { listener: {} }),
      warn: (message: string) => logger.warn(message),
    }
    const cluster = isOurs ? opened.use(await openCluster(place, clusterOptions)) : place
    const state = { logUrl: cluster.url, ownsLog: isOurs, applicationId: this.id, stateDir, store, logger }
    const engine = workers === undefined ? openStateEngine(state) : openWorkersState(state)
    opened.defer(() => engine.close())
    const producer = opened.use(new Producer(cluster))
    const parts = { topology, cluster, logger }
    const pool =
      engine instanceof LmdbEngine && workers !== undefined
        ? new WorkerPool({ ...parts, ...poolOptions(options, workers), engine })
        : undefined
    const application: Instance = opened.use(
      pool ??
        new Application({
          ...applicationOptions(options),
          ...parts,
          engine,
          observersOf: indexedBy(topology),
        }),
    )
    // Before the application starts: a port that is taken stops nothing that runs, and health answers from then on.
    const server =
      http === undefined
        ? undefined
        : opened.use(await serveApplication(applicationRoutes(topology, application, http).fetch, http))
    await application.start()
    opened.defer(await bindViews(topology, application, cluster))
    const { telemetry } = options
    if (telemetry !== undefined) opened.defer(telemetry.observe(application))
    const tracer = telemetry?.tracer
    return running(
      { application, pool, cluster, producer, server, tracer },
      { stack: opened.move(), signal, options },
    )
  }
}

function applicationOptions(options: StartOptions) {
  const { commitIntervalMs, maxTaskIdleMs, stateStoreCacheMaxBytes, guarantee } = options
  const { stateCleanupDelayMs } = options
  const { onError, onStateChange, onRestore, onTopologyChange, metricsRecordingLevel, telemetry } = options
  const { numStandbyReplicas, sessionTimeoutMs, heartbeatIntervalMs } = options
  return {
    ...(commitIntervalMs !== undefined && { commitIntervalMs }),
    ...(maxTaskIdleMs !== undefined && { maxTaskIdleMs }),
    ...(stateStoreCacheMaxBytes !== undefined && { stateStoreCacheMaxBytes }),
    ...(stateCleanupDelayMs !== undefined && { stateCleanupDelayMs }),
    ...(guarantee !== undefined && { guarantee }),
    ...(numStandbyReplicas !== undefined && { numStandbyReplicas }),
    ...(sessionTimeoutMs !== undefined && { sessionTimeoutMs }),
    ...(heartbeatIntervalMs !== undefined && { heartbeatIntervalMs }),
    ...(onError !== undefined && { onError }),
    ...(onStateChange !== undefined && { onStateChange }),
    ...(onRestore !== undefined && { onRestore }),
    ...(onTopologyChange !== undefined && { onTopologyChange }),
    ...(telemetry !== undefined && { telemetry }),
    ...(metricsRecordingLevel !== undefined && { metricsRecordingLevel }),
  }
}

function poolOptions(options: StartOptions, { count, module }: WorkersOptions) {
  // Functions cannot be sent: these stay here, and a worker has those of its own module's call of start.
  const {
    onError,
    onStateChange,
    onRestore,
    telemetry: _ofThisThread,
    ...others
  } = applicationOptions(options)
  const cacheMaxBytes = others.stateStoreCacheMaxBytes ?? 64 * 1024 * 1024
  return {
    workers: count,
    module: String(module),
    options: {
      ...others,
      stateStoreCacheMaxBytes: Math.ceil(cacheMaxBytes / count),
      ...(onError !== undefined && { onError: hasFunctions(onError) ? ('theirs' as const) : onError }),
    },
    ...(onStateChange !== undefined && { onStateChange }),
    ...(onRestore !== undefined && { onRestore }),
  }
}

function hasFunctions(policy: ErrorPolicy): boolean {
  return [policy, ...Object.values(policy)].some(rule => typeof rule === 'function')
}

function isMemory(place: string | Cluster): boolean {
  return typeof place === 'string' && place.startsWith('memory:')
}

interface Opened {
  readonly stack: AsyncDisposableStack
  readonly signal: AbortSignal | undefined
  readonly options: StartOptions
}

/**
 * Everything that was opened is closed once, in reverse: by close(), by the signal, or when the application fails. Then
 * its server alone stays, to say so, until it is closed.
 */
function running(parts: RunningParts, { stack, signal, options }: Opened): Running {
  const { application, cluster, producer, server } = parts
  let ended: Promise<void> | undefined
  const end = ({ timeoutMs = CLOSE_TIMEOUT_MS }: CloseOptions = {}): Promise<void> => {
    stopLooking()
    const cancel = cluster.clock.schedule(timeoutMs, () => {
      Promise.all([application.giveUp(), producer.abandon()]).catch(options.onFailure ?? warnOf)
    })
    ended ??= stack.disposeAsync()
    return ended.finally(() => {
      cancel()
      ignoreSignals()
    })
  }
  const close = async (closing?: CloseOptions): Promise<void> => {
    requireCloseOptions(closing ?? {})
    signal?.removeEventListener('abort', closeNow)
    try {
      await end(closing)
    } finally {
      await server?.close()
    }
  }
  const { signals = false } = options
  const ignoreSignals =
    signals === false ? () => {} : closeOnSignals(() => close(signals === true ? {} : signals))
  const closeNow = (): void => {
    close().catch(options.onFailure ?? warnOf)
  }
  const endFailed = (): void => {
    server?.outlive()
    end().catch(options.onFailure ?? warnOf)
  }
  // An application that fails ends by itself, and no later than one that is closed.
  const stopLooking = application.onChange(() => {
    if (application.state === 'ERROR') endFailed()
  })
  signal?.addEventListener('abort', closeNow)
  void application.whenEnded().then(() => {
    if (application.failure === undefined) return closeNow()
    ;(options.onFailure ?? warnOf)(application.failure)
    endFailed()
  })
  return new Running(parts, close)
}

/** For type annotations of what `view` returns. */
export type { View }
