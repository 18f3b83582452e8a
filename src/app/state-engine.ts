import { join } from 'node:path'
import { logDirectory } from '../broker/log-directory.ts'
import type { Logger } from '../streams/runtime/logger.ts'
import type { StateEngine } from '../streams/state/byte-store.ts'
import { LmdbEngine } from '../streams/state/lmdb.ts'
import { MemoryEngine } from '../streams/state/memory.ts'

export interface StateOptions {
  /** Of the log; undefined when the cluster does not know it. */
  readonly logUrl: string | undefined
  /** Whether the cluster was opened with the application, so that state may be beside its log. */
  readonly ownsLog: boolean
  readonly applicationId: string
  readonly stateDir: string | undefined
  readonly store: 'lmdb' | 'memory' | undefined
  readonly logger: Logger
}

/** The engine that an application's state lives in: on disk, unless its log is in memory too. */
export function openStateEngine({
  logUrl,
  ownsLog,
  applicationId,
  stateDir,
  store,
  logger,
}: StateOptions): StateEngine {
  const inMemory =
    store === undefined
      ? logUrl?.startsWith('memory:') === true && stateDir === undefined
      : store === 'memory'
  if (inMemory) return new MemoryEngine()
  // An application id is a legal prefix of topic names, and so a legal name of a directory.
  return new LmdbEngine(join(stateDir ?? defaultStateDir(ownsLog ? logUrl : undefined), applicationId), {
    onPowerLoss: taskId =>
      logger.warn(
        `The machine went down while the state of task ${taskId} was open; it is restored from its changelogs.`,
      ),
  })
}

function defaultStateDir(url: string | undefined): string {
  return url?.startsWith('file:') === true ? join(logDirectory(url), 'state') : join('.evert', 'state')
}
