import { join } from 'node:path'
import { logDirectory } from '../broker/log-directory.ts'
import { EvertError } from '../errors.ts'
import type { Logger } from '../streams/runtime/logger.ts'
import type { StateEngine } from '../streams/state/byte-store.ts'
import { LmdbEngine } from '../streams/state/lmdb.ts'
import { MemoryEngine } from '../streams/state/memory.ts'
import { temporaryDirectory } from '../streams/state/temporary-directory.ts'

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
export function openStateEngine(options: StateOptions): StateEngine {
  return isInMemory(options) ? new MemoryEngine() : openOnDisk(directoryOf(options), options)
}

/** The same for worker threads: they share a directory. Throws INVALID_ARGUMENT when memory is asked for. */
export function openWorkersState(options: StateOptions): LmdbEngine {
  if (options.store === 'memory') {
    throw new EvertError(
      'INVALID_ARGUMENT',
      'Workers cannot have their state in memory, which no thread can read of another. Leave out store: "memory".',
    )
  }
  if (!isInMemory(options)) return openOnDisk(directoryOf(options), options)
  const temporary = temporaryDirectory()
  return openOnDisk(temporary.path, options, () => temporary.remove())
}

function isInMemory({ store, logUrl, stateDir }: StateOptions): boolean {
  if (store !== undefined) return store === 'memory'
  return logUrl?.startsWith('memory:') === true && stateDir === undefined
}

function openOnDisk(directory: string, { logger }: StateOptions, onClosed = (): void => {}): LmdbEngine {
  const onPowerLoss = (taskId: string): void => logger.warn(powerLossWarning(taskId))
  return new LmdbEngine(directory, { onPowerLoss, onClosed })
}

/** An application id is a legal prefix of topic names, and so a legal name of a directory. */
function directoryOf({ stateDir, ownsLog, logUrl, applicationId }: StateOptions): string {
  return join(stateDir ?? defaultStateDir(ownsLog ? logUrl : undefined), applicationId)
}

function defaultStateDir(url: string | undefined): string {
  return url?.startsWith('file:') === true ? join(logDirectory(url), 'state') : join('.evert', 'state')
}

export function powerLossWarning(taskId: string): string {
  return `The machine went down while the state of task ${taskId} was open; it is restored from its changelogs.`
}
