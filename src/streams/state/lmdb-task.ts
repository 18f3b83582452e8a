import { EvertError } from '../../errors.ts'
import { assert } from '../../internal/assert.ts'
import { latin1Slice, latin1Write } from '../../internal/latin1.ts'
import { markOpen, unmarkOpen } from './boot-mark.ts'
import {
  type ByteStore,
  type ByteString,
  MAX_INDEX_PREFIX_BYTES,
  MAX_KEY_BYTES,
  type StoreWrites,
  type TaskState,
} from './byte-store.ts'
import { checkDataFile } from './lmdb-file.ts'
import { type Database, open, type RootDatabase, transact } from './lmdb-binding.ts'

const FORMAT_VERSION = 1

/** Stores and views of one task. */
const MAX_STORES = 512

/**
 * Large pages: a commit of 10 000 random keys of a million rewrites 389 k keys/s, against 234 k with pages of 4 KiB
 * (bench/state). The length of keys grows with them.
 */
const PAGE_BYTES = 16_384

/** LMDB's own limit is 4026 with these pages; the engine's prefix takes one. */
const MAX_ENTRY_KEY_BYTES = MAX_KEY_BYTES + MAX_INDEX_PREFIX_BYTES

type Db = Database<Buffer, ByteString>

/** One task's LMDB environment. */
export class LmdbTask implements TaskState {
  readonly maxKeyBytes = MAX_KEY_BYTES
  readonly prefersSortedWrites = true
  readonly #directory: string
  readonly #root: RootDatabase<Buffer, ByteString>
  readonly #stores = new Map<string, LmdbStore>()
  readonly #onClosed: () => void

  constructor(directory: string, onClosed: () => void) {
    this.#directory = directory
    this.#onClosed = onClosed
    checkDataFile(directory, PAGE_BYTES)
    markOpen(directory)
    this.#root = openRoot(directory)
    this.#checkFormat()
  }

  store(name: string): LmdbStore {
    let store = this.#stores.get(name)
    if (store === undefined) {
      store = new LmdbStore(name, this.#root.openDB({ ...FORMAT, name: this.#idOf(name) }))
      this.#stores.set(name, store)
    }
    return store
  }

  metadata(name: string): string | undefined {
    return this.#text(`meta/${name}`)
  }

  commit(writes: readonly StoreWrites[], metadata: Readonly<Record<string, string>>): void {
    const targets = writes.map(({ store }) => this.store(store).db)
    this.#transaction(() => {
      for (let i = 0; i < writes.length; i++) {
        const each = writes[i] as StoreWrites
        const db = targets[i] as Db
        if (each.clear === true) db.clearSync()
        for (const entry of each.entries) {
          const key = entry[0]
          assert(key.length <= MAX_ENTRY_KEY_BYTES, `a key of ${key.length} bytes reached the state engine`)
          if (entry[1] === undefined) db.removeSync(key)
          else db.putSync(key, entry[1])
        }
      }
      for (const name of Object.keys(metadata)) {
        this.#root.putSync(`meta/${name}`, Buffer.from(metadata[name] as string))
      }
    })
  }

  /** Syncs, so that the state survives a loss of power from here on. */
  async close(): Promise<void> {
    await sync(this.#root, this.#directory)
    await this.#root.close()
    unmarkOpen(this.#directory)
    this.#onClosed()
  }

  /** Names of stores never reach the file system, nor LMDB's own names: they map to numbers. */
  #idOf(name: string): string {
    const known = this.#text(`store/${name}`)
    if (known !== undefined) return known
    const next = String(Number(this.#text('next-store') ?? '1'))
    this.#transaction(() => {
      this.#root.putSync(`store/${name}`, Buffer.from(next))
      this.#root.putSync('next-store', Buffer.from(String(Number(next) + 1)))
    })
    return next
  }

  #checkFormat(): void {
    const version = this.#text('format')
    if (version === undefined) {
      this.#transaction(() => this.#root.putSync('format', Buffer.from(String(FORMAT_VERSION))))
    } else if (Number(version) > FORMAT_VERSION) {
      void this.#root.close()
      unmarkOpen(this.#directory)
      throw new EvertError(
        'NEWER_FORMAT',
        `The state in ${this.#directory} has format ${version}; this release reads up to ${FORMAT_VERSION}. ` +
          'Use the newer release, or remove the directory to have the state restored from its changelogs.',
      )
    }
  }

  #text(key: string): string | undefined {
    try {
      return this.#root.get(key)?.toString()
    } catch (error) {
      throw failed(this.#directory, error)
    }
  }

  #transaction(action: () => void): void {
    try {
      transact(this.#root, action)
    } catch (error) {
      throw isLmdbError(error) ? failed(this.#directory, error) : error
    }
  }
}

export class LmdbStore implements ByteStore {
  readonly name: string
  readonly db: Db

  constructor(name: string, db: Db) {
    this.name = name
    this.db = db
  }

  get size(): number {
    return (this.db.getStats() as { entryCount: number }).entryCount
  }

  get(key: ByteString): Buffer | undefined {
    if (key.length > MAX_ENTRY_KEY_BYTES) return undefined
    const bytes: Uint8Array | undefined = this.db.getBinaryFast(key)
    if (bytes === undefined) return undefined
    // Usually the binding's own Buffer, whose `length` is set while its memory is larger; a huge value is an array.
    return Buffer.isBuffer(bytes) ? bytes.subarray(0, bytes.length) : Buffer.from(bytes)
  }

  *range(
    from: ByteString = '',
    to?: ByteString,
    options: { reverse?: boolean } = {},
  ): Generator<readonly [ByteString, Buffer]> {
    const bounds =
      options.reverse === true
        ? { reverse: true, start: to ?? LAST, exclusiveStart: true, end: from, inclusiveEnd: true }
        : { start: from, end: to ?? LAST }
    for (const { key, value } of this.db.getRange(bounds)) yield [key, value]
  }
}

const PREFIX = 1

/** Above every key: begins with a byte above the prefix. Used as a bound only. */
const LAST = Symbol('last') as unknown as ByteString

/** How the binding, in its own buffers, writes and reads keys: LMDB knows no empty key, so each gets one byte in front. */
const KEYS = {
  writeKey(key: ByteString, target: Buffer, start: number): number {
    if (key === LAST) {
      target[start] = PREFIX + 1
      return start + 1
    }
    target[start] = PREFIX
    // A bound may be longer than any key; cut one byte beyond the longest key, it still divides all keys the same way.
    return start + 1 + latin1Write(target, key, start + 1, MAX_ENTRY_KEY_BYTES + 1)
  },
  readKey(source: Buffer, start: number, end: number): ByteString {
    return latin1Slice(source, start + 1, end)
  },
}

export const FORMAT = { keyEncoder: KEYS, encoding: 'binary' } as const

export function openRoot(directory: string): RootDatabase<Buffer, ByteString> {
  try {
    return open<Buffer, ByteString>(directory, {
      ...FORMAT,
      maxDbs: MAX_STORES + 1,
      pageSize: PAGE_BYTES,
      noSync: true,
    })
  } catch (error) {
    throw failed(directory, error)
  }
}

function sync(root: object, directory: string): Promise<void> {
  const { env } = root as unknown as { env: { sync(done: (error?: Error) => void): void } }
  return new Promise((resolve, reject) => {
    env.sync(error => (error === undefined ? resolve() : reject(failed(directory, error))))
  })
}

function isLmdbError(error: unknown): error is Error & { code: number } {
  return error instanceof Error && typeof (error as { code?: unknown }).code === 'number'
}

/** MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_PANIC, MDB_VERSION_MISMATCH, MDB_INVALID */
const DAMAGE = new Set([-30797, -30796, -30795, -30794, -30793])

function failed(directory: string, error: unknown): EvertError {
  const code = isLmdbError(error) ? error.code : 0
  const reason = error instanceof Error ? error.message : String(error)
  if (DAMAGE.has(code)) {
    return new EvertError(
      'DAMAGED_DATA',
      `The state in ${directory} cannot be read (${reason}). Remove the directory: its changelogs restore it.`,
      { cause: error },
    )
  }
  return new EvertError('DISK', `The state in ${directory} could not be written (${reason}).`, {
    cause: error,
  })
}
