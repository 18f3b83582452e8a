import { EvertError } from '../../errors.ts'

/**
 * All that the storage asks of a disk. Paths are relative to the data directory, parts joined by `/`.
 *
 * Contract: nothing is durable before `sync` (bytes of a file) or `syncDirectory` (names in a directory) has resolved;
 * until then a crash may keep any part of it, in any order. A buffer given to `write` is never changed afterwards.
 * Every failure rejects with an EvertError of code DISK.
 */
export interface Disk {
  /** True when nothing outlives the process: there is no point in waiting for it. */
  readonly volatile: boolean
  /** Opens for reading and writing; makes the file and the directories above it when missing. */
  open(path: string): Promise<DiskFile>
  /** What lies in a directory, in no order; empty when it is missing. */
  list(directory: string): Promise<readonly DiskEntry[]>
  /** Replaces `to` atomically. */
  rename(from: string, to: string): Promise<void>
  /** Removes a file, or a directory with all that is in it; fine when missing. */
  remove(path: string): Promise<void>
  /** Makes the names in the directory, and the directory itself in those above it, durable. */
  syncDirectory(directory: string): Promise<void>
}

export interface DiskEntry {
  readonly name: string
  readonly sizeBytes: number
}

export interface DiskFile {
  readonly sizeBytes: number
  write(buffers: readonly Buffer[], position: number): Promise<void>
  /** May give fewer bytes only at the end of the file. Read-only. */
  read(position: number, length: number): Promise<Buffer>
  truncate(sizeBytes: number): Promise<void>
  sync(): Promise<void>
  close(): Promise<void>
}

/** The directory part of a path of the port; empty for the root. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? '' : path.slice(0, slash)
}

/** The error of what ends with a failed write or sync: `what` is a clause. */
export function diskFault(what: string, cause: unknown): EvertError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new EvertError(
    'DISK',
    `${what} until the data directory is reopened: ${reason.replace(/\.?$/, '.')} Free space on the disk, or repair it, and start again; nothing that was acknowledged is lost.`,
    { cause },
  )
}
