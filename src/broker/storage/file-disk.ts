import * as fs from 'node:fs'
import { join } from 'node:path'
import { EvertError } from '../../errors.ts'
import type { Disk, DiskEntry, DiskFile } from './disk.ts'
import { parentOf } from './disk.ts'

/** The port on the files of a directory. */
export class FileDisk implements Disk {
  readonly volatile = false
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  async open(path: string): Promise<DiskFile> {
    const full = join(this.#root, path)
    try {
      await fs.promises.mkdir(join(this.#root, parentOf(path)), { recursive: true })
      const fd = await opened(full)
      return new NodeFile(full, fd, fs.fstatSync(fd).size)
    } catch (cause) {
      throw diskError('open', full, cause)
    }
  }

  async list(directory: string): Promise<readonly DiskEntry[]> {
    const full = join(this.#root, directory)
    try {
      const names = await fs.promises.readdir(full)
      return names.map(name => ({ name, sizeBytes: fs.statSync(join(full, name)).size }))
    } catch (cause) {
      if (isMissing(cause)) return []
      throw diskError('list', full, cause)
    }
  }

  async rename(from: string, to: string): Promise<void> {
    const full = join(this.#root, from)
    try {
      await fs.promises.rename(full, join(this.#root, to))
    } catch (cause) {
      throw diskError('rename', full, cause)
    }
  }

  async remove(path: string): Promise<void> {
    const full = join(this.#root, path)
    try {
      await fs.promises.rm(full, { recursive: true, force: true })
    } catch (cause) {
      throw diskError('remove', full, cause)
    }
  }

  async syncDirectory(directory: string): Promise<void> {
    // Windows can neither open nor sync a directory; NTFS journals its names by itself.
    if (process.platform === 'win32') return
    for (let path = directory; ; path = parentOf(path)) {
      const full = join(this.#root, path)
      try {
        const handle = await fs.promises.open(full, 'r')
        try {
          await handle.sync()
        } finally {
          await handle.close()
        }
      } catch (cause) {
        throw diskError('sync', full, cause)
      }
      if (path === '') return
    }
  }
}

class NodeFile implements DiskFile {
  readonly #path: string
  readonly #fd: number
  #sizeBytes: number

  constructor(path: string, fd: number, sizeBytes: number) {
    this.#path = path
    this.#fd = fd
    this.#sizeBytes = sizeBytes
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  async write(buffers: readonly Buffer[], position: number): Promise<void> {
    let rest = buffers
    let at = position
    while (rest.length > 0) {
      const written = await this.#call<number>('write', done => fs.writev(this.#fd, rest, at, done))
      at += written
      rest = without(rest, written)
    }
    this.#sizeBytes = Math.max(this.#sizeBytes, at)
  }

  async read(position: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(Math.max(0, Math.min(length, this.#sizeBytes - position)))
    let filled = 0
    while (filled < buffer.length) {
      const got = await this.#call<number>('read', done =>
        fs.read(this.#fd, buffer, filled, buffer.length - filled, position + filled, done),
      )
      if (got === 0) break
      filled += got
    }
    return filled === buffer.length ? buffer : buffer.subarray(0, filled)
  }

  async truncate(sizeBytes: number): Promise<void> {
    await this.#call<undefined>('truncate', done => fs.ftruncate(this.#fd, sizeBytes, done))
    this.#sizeBytes = sizeBytes
  }

  async sync(): Promise<void> {
    await this.#call<undefined>('sync', done => fs.fdatasync(this.#fd, done))
  }

  async close(): Promise<void> {
    await this.#call<undefined>('close', done => fs.close(this.#fd, done))
  }

  /** One call of node:fs with its callback as a promise; the callback form spares FileHandle's bookkeeping. */
  #call<T>(
    what: string,
    call: (done: (error: Error | null, result?: T) => void) => void,
  ): Promise<T | undefined extends T ? undefined : T> {
    return new Promise((resolve, reject) => {
      call((error, result) => {
        if (error === null || error === undefined) resolve(result as never)
        else reject(diskError(what, this.#path, error))
      })
    })
  }
}

function opened(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o644, (error, fd) =>
      error === null ? resolve(fd) : reject(error),
    )
  })
}

/** What is left of the buffers after `written` bytes: a disk may take less than it was given. */
function without(buffers: readonly Buffer[], written: number): readonly Buffer[] {
  let skip = written
  for (const [at, buffer] of buffers.entries()) {
    if (skip < buffer.length) return [buffer.subarray(skip), ...buffers.slice(at + 1)]
    skip -= buffer.length
  }
  return []
}

function isMissing(cause: unknown): boolean {
  return (cause as { code?: unknown } | null)?.code === 'ENOENT'
}

function diskError(what: string, path: string, cause: unknown): EvertError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new EvertError('DISK', `The disk refused to ${what} ${path}: ${reason}.`, { cause })
}
