import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { logDirectory } from '../broker/log-directory.ts'
import { Cluster } from '../client/cluster.ts'
import { retried } from '../client/admin-calls.ts'
import { delay } from '../client/retry.ts'
import { assertTopicName } from '../contracts/topic.ts'
import { isEvertError } from '../errors.ts'
import { executeRewind } from '../streams/rewind/execute-rewind.ts'
import { knownApplication } from '../streams/rewind/known-application.ts'
import { planRewind } from '../streams/rewind/plan-rewind.ts'
import type { RewindPlan, RewindTarget } from '../streams/rewind/rewind.ts'
import { applicationRunning, hasMembers, stopInstances } from '../streams/rewind/stop-instances.ts'
import { dropTaskState } from '../streams/runtime/rewound-state.ts'
import { LmdbEngine } from '../streams/state/lmdb.ts'
import { openCluster } from './open-cluster.ts'
import { requireRewindOptions } from './rewind-options.ts'
import { standInForLog } from './take-over-log.ts'

export interface RewindOptions {
  /** As in `start`. */
  readonly cluster: string | Cluster
  readonly to: RewindTarget
  /** The inputs that are moved; the others stay where they are. Default: all. */
  readonly topics?: readonly string[]
  /** Of `unknownTopics`, those to delete too. */
  readonly internalTopics?: readonly string[]
  /**
   * As in `start`: what is there of the application is dropped at once. Default: `state` beside a `file:` log. Whatever
   * state instances have elsewhere, they drop it when they start next.
   */
  readonly stateDir?: string
  /** Changes nothing. Default false. */
  readonly dryRun?: boolean
  /**
   * Asks instances that run to stop, and takes those that do not answer out of the group. If one of them serves the
   * `file:` log, this process serves it until the rewind has ended. Default false.
   */
  readonly force?: boolean
  /** How long they may take, with `force`. Default 30 000. */
  readonly stopTimeoutMs?: number
}

export interface Rewind extends RewindPlan {
  /** Where local state was dropped, or would be. */
  readonly stateDirectories: readonly string[]
  /** False after a dry run. */
  readonly isDone: boolean
}

const STOP_TIMEOUT_MS = 30_000
const LOCK_POLL_MS = 50

/**
 * Makes an application process its inputs again, from a point that you choose, with empty state: commits these offsets
 * for its group, deletes its changelogs and repartition topics, and makes every instance drop its local state (Kafka:
 * kafka-streams-application-reset). Output topics stay as they are. A rewind that did not come to its end may be made
 * again; until then the application does not start (REWIND_UNFINISHED).
 *
 * Resolves to what was done. Throws APPLICATION_RUNNING unless forced; INVALID_ARGUMENT for an application, topic or
 * offset that is not there, and for an option that does not exist or has a value that it cannot have; DIRECTORY_IN_USE; KAFKA; CONNECTION.
 *
 * @example
 * const { inputs } = await rewindApplication('shop', { cluster: 'file:./data', to: 'beginning', dryRun: true })
 * for (const { topic, partition, to, replayed } of inputs) console.log(topic, partition, to, replayed)
 */
export async function rewindApplication(applicationId: string, options: RewindOptions): Promise<Rewind> {
  assertTopicName(applicationId)
  requireRewindOptions(options)
  const { cluster: place, dryRun = false, force = false, stopTimeoutMs = STOP_TIMEOUT_MS } = options
  await using opened = new AsyncDisposableStack()
  const cluster = place instanceof Cluster ? place : opened.use(await openCluster(place))
  let known = await knownApplication(cluster, applicationId)
  let plan = await planRewind(cluster, known, options)
  const directory = stateDirectory(applicationId, options)
  const stateDirectories = directory === undefined ? [] : [directory]
  if (dryRun) return { ...plan, stateDirectories, isDone: false }

  const isRunning = hasMembers(known.group)
  if (hasMembers(known.group) && !force) throw applicationRunning(known.group)
  // An instance that stops may be the one that serves the log, and close it at any of the steps below.
  const { url } = cluster
  const standIn = url?.startsWith('file:') ? opened.use(standInForLog(url, cluster.clock)) : undefined
  try {
    if (isRunning) {
      await stopInstances(cluster, known, stopTimeoutMs)
      // They have committed until they ended.
      known = await retried(cluster, () => knownApplication(cluster, applicationId))
      const now = known
      plan = { ...(await retried(cluster, () => planRewind(cluster, now, options))), members: plan.members }
    }
    // Also keeps an instance of this directory from starting meanwhile.
    const waitMs = isRunning ? stopTimeoutMs : 0
    const engine = directory === undefined ? undefined : await openDirectory(cluster, directory, waitMs)
    if (engine !== undefined) opened.defer(() => engine.close())
    const [last, agreed] = [known, plan]
    // Every step of it may be made again.
    await retried(cluster, () => executeRewind(cluster, last, agreed))
    if (engine !== undefined) await dropTaskState(engine)
  } catch (error) {
    throw standIn?.failure ?? error
  }
  return { ...plan, stateDirectories, isDone: true }
}

/** Where an application with these options has its state, if it is there. */
function stateDirectory(applicationId: string, { cluster, stateDir }: RewindOptions): string | undefined {
  const url = typeof cluster === 'string' ? cluster : ''
  const parent = stateDir ?? (url.startsWith('file:') ? join(logDirectory(url), 'state') : undefined)
  const directory = parent === undefined ? undefined : join(parent, applicationId)
  return directory !== undefined && existsSync(directory) ? directory : undefined
}

/** An instance that was asked to stop leaves its group a moment before its directory. Throws DIRECTORY_IN_USE. */
async function openDirectory({ clock }: Cluster, directory: string, waitMs: number): Promise<LmdbEngine> {
  const deadlineMs = clock.elapsedMs() + waitMs
  for (;;) {
    try {
      return new LmdbEngine(directory)
    } catch (error) {
      if (!isEvertError(error, 'DIRECTORY_IN_USE') || clock.elapsedMs() >= deadlineMs) throw error
      await delay(clock, LOCK_POLL_MS)
    }
  }
}
