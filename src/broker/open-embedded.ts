import { EvertError } from '../errors.ts'
import { type Clock, systemClock } from '../internal/clock.ts'
import { acquireLock, currentOwner, type DirectoryLock, directoryInUse } from '../internal/directory-lock.ts'
import { holdProcess } from '../internal/hold-process.ts'
import { type Broker, type BrokerOptions, openBroker } from './broker.ts'
import type { ListenerOptions } from './listener.ts'
import { logDirectory } from './log-directory.ts'
import { openFileStorage, openMemoryStorage, type StorageOptions } from './storage/storage.ts'

/** This process runs the broker, or another one that does was found. */
export type Embedded =
  | {
      readonly kind: 'owner'
      readonly broker: Broker
      /** Closes the broker and gives the directory free. */
      close(): Promise<void>
    }
  | { readonly kind: 'remote'; readonly address: { readonly host: string; readonly port: number } }

export interface EmbeddedOptions extends Omit<BrokerOptions, 'storage'> {
  /** Of `file:` the listener is on by default, at any free port: other processes find it through the lock. */
  readonly listener?: ListenerOptions
  readonly storage?: StorageOptions
  /** How long to wait for an owner that is still starting. Default 10 000. */
  readonly ownerTimeoutMs?: number
}

const OWNER_TIMEOUT_MS = 10_000
const OWNER_POLL_MS = 50
/** Members are in this process or beside it: hearing from them often costs nothing, and tasks move at once. */
const embeddedSettings = { heartbeatIntervalMs: 500, sessionTimeoutMs: 6_000 }

/**
 * Opens the embedded log of `file:DIR` or `memory:`. One process owns a directory and runs its broker; any other is
 * told the owner's address and connects to it; `ownerAddress` tells where the owner is later on. Throws
 * INVALID_CLUSTER_URL; DISK for a directory that cannot be made or written; DIRECTORY_IN_USE when the owner does not
 * come up in time; and what the storage throws.
 *
 * @example
 * const embedded = await openEmbedded('file:./data')
 */
export async function openEmbedded(url: string, options: EmbeddedOptions = {}): Promise<Embedded> {
  const { storage: storageOptions, ownerTimeoutMs, ...given } = options
  const brokerOptions = { ...embeddedSettings, ...given }
  const clock = options.clock ?? systemClock
  if (url.startsWith('memory:')) {
    const storage = await openMemoryStorage({ clock, ...storageOptions })
    const broker = await openBroker({ ...brokerOptions, storage })
    return { kind: 'owner', broker, close: () => broker.close() }
  }
  const directory = logDirectory(url)
  const found = await lockOrOwner(directory, clock, ownerTimeoutMs ?? OWNER_TIMEOUT_MS)
  if (found.kind === 'remote') return found
  const { lock } = found
  try {
    const storage = await openFileStorage(directory, { clock, ...storageOptions, lock })
    const broker = await openBroker({ ...brokerOptions, listener: options.listener ?? {}, storage })
    try {
      lock.updateLock(broker.address)
    } catch (error) {
      await broker.close()
      throw error
    }
    const close = async (): Promise<void> => {
      try {
        await broker.close()
      } finally {
        lock.release()
      }
    }
    return { kind: 'owner', broker, close }
  } catch (error) {
    lock.release()
    throw error
  }
}

/** Where the process listens that has the log of `file:DIR` open at this moment; undefined while none does. */
export function ownerAddress(url: string): { readonly host: string; readonly port: number } | undefined {
  const { host, port, beyond } = currentOwner(logDirectory(url)) ?? {}
  return host === undefined || port === undefined || beyond !== undefined ? undefined : { host, port }
}

async function lockOrOwner(
  directory: string,
  clock: Clock,
  timeoutMs: number,
): Promise<{ kind: 'lock'; lock: DirectoryLock } | (Embedded & { kind: 'remote' })> {
  const deadlineMs = clock.elapsedMs() + timeoutMs
  for (;;) {
    const result = acquireLock(directory)
    if (result.acquired) return { kind: 'lock', lock: result.lock }
    const { host, port, pid, beyond } = result.owner
    // Its address is one of its own machine or container.
    if (beyond !== undefined) throw directoryInUse(`The data directory ${directory}`, result.owner, '')
    if (host !== undefined && port !== undefined) return { kind: 'remote', address: { host, port } }
    if (clock.elapsedMs() >= deadlineMs) {
      throw new EvertError(
        'DIRECTORY_IN_USE',
        `The data directory ${directory} is in use by process ${pid}, which has not told where it listens ` +
          `for ${timeoutMs} ms. Wait for it, or end it.`,
        { retryable: true },
      )
    }
    const release = holdProcess()
    await new Promise<void>(resolve => {
      clock.schedule(OWNER_POLL_MS, resolve)
    })
    release()
  }
}
