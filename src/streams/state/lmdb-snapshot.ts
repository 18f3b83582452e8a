import { join } from 'node:path'
import { assert } from '../../internal/assert.ts'
import { type ByteString, MAX_KEY_BYTES, type TaskState } from './byte-store.ts'
import type { RootDatabase } from './lmdb-binding.ts'
import { FORMAT, LmdbStore, openRoot } from './lmdb-task.ts'

/**
 * The state of a task that another thread of this process has open, read only. Reads of one turn of the event loop see
 * one commit; after `refresh` they see the newest one.
 */
export class LmdbSnapshot implements TaskState {
  readonly maxKeyBytes = MAX_KEY_BYTES
  readonly prefersSortedWrites = true
  readonly #root: RootDatabase<Buffer, ByteString>
  readonly #stores = new Map<string, LmdbStore>()

  /** `directory`: of the LmdbEngine. Throws DISK and DAMAGED_DATA. */
  constructor(directory: string, taskId: string) {
    // The binding knows the file by its identity: all threads share one environment.
    this.#root = openRoot(join(directory, taskId))
  }

  /** One that the task's owner has opened. */
  store(name: string): LmdbStore {
    let store = this.#stores.get(name)
    if (store === undefined) {
      const id = this.#text(`store/${name}`)
      assert(id !== undefined, `the store ${name} is not open where its task runs`)
      store = new LmdbStore(name, this.#root.openDB({ ...FORMAT, name: id }))
      this.#stores.set(name, store)
    }
    return store
  }

  metadata(name: string): string | undefined {
    return this.#text(`meta/${name}`)
  }

  commit(): never {
    throw new Error('the state of another thread is read only')
  }

  refresh(): void {
    this.#root.resetReadTxn()
  }

  async close(): Promise<void> {
    await this.#root.close()
  }

  #text(key: string): string | undefined {
    return this.#root.get(key)?.toString()
  }
}
