import { randomUUID } from 'node:crypto'
import { assert } from '../../internal/assert.ts'
import { latin1Slice, latin1Write } from '../../internal/latin1.ts'
import {
  type ByteStore,
  type ByteString,
  MAX_INDEX_PREFIX_BYTES,
  MAX_KEY_BYTES,
  NO_ENTRIES,
  type StateEngine,
  type StoreWrites,
  type TaskState,
} from './byte-store.ts'
import { OrderedKeys } from './ordered-keys.ts'
import { assertTaskId } from './task-id.ts'

/**
 * State that lives as long as this object. Closing a task, or the engine, keeps what was committed, so that opening it
 * again behaves as a restart does on disk.
 */
export class MemoryEngine implements StateEngine {
  readonly name = 'memory'
  readonly instanceId = randomUUID()
  rewindId: string | undefined
  readonly #tasks = new Map<string, MemoryTask>()

  openTask(taskId: string): TaskState {
    assertTaskId(taskId)
    let task = this.#tasks.get(taskId)
    if (task === undefined) this.#tasks.set(taskId, (task = new MemoryTask()))
    task.open()
    return task
  }

  isOpen(taskId: string): boolean {
    return this.#tasks.get(taskId)?.isOpen === true
  }

  async dropTask(taskId: string): Promise<void> {
    assert(this.#tasks.get(taskId)?.isOpen !== true, `task ${taskId} is dropped while it is open`)
    this.#tasks.delete(taskId)
  }

  tasks(): string[] {
    return [...this.#tasks.keys()]
  }

  async close(): Promise<void> {
    for (const task of this.#tasks.values()) await task.close()
  }
}

class MemoryTask implements TaskState {
  readonly maxKeyBytes = MAX_KEY_BYTES
  readonly prefersSortedWrites = false
  readonly #stores = new Map<string, MemoryStore>()
  readonly #metadata = new Map<string, string>()
  isOpen = false

  open(): void {
    assert(!this.isOpen, 'a task is opened twice')
    this.isOpen = true
  }

  store(name: string): MemoryStore {
    let store = this.#stores.get(name)
    if (store === undefined) this.#stores.set(name, (store = new MemoryStore(name)))
    return store
  }

  metadata(name: string): string | undefined {
    return this.#metadata.get(name)
  }

  commit(writes: readonly StoreWrites[], metadata: Readonly<Record<string, string>>): void {
    // All entries are taken before any is applied: a writer that throws leaves nothing half done.
    const taken = writes.map(each => {
      const batch: Batch = { store: this.store(each.store), clear: each.clear === true, keys: [], values: [] }
      for (const entry of each.entries) {
        const key = entry[0]
        assert(
          key.length <= MAX_KEY_BYTES + MAX_INDEX_PREFIX_BYTES,
          `a key of ${key.length} bytes reached the state engine`,
        )
        batch.keys.push(key)
        batch.values.push(entry[1] === undefined ? undefined : latin1Slice(entry[1]))
      }
      return batch
    })
    for (const batch of taken) batch.store.apply(batch)
    for (const name of Object.keys(metadata)) this.#metadata.set(name, metadata[name] as string)
  }

  async close(): Promise<void> {
    this.isOpen = false
  }
}

/** A range of so many entries is read at once: what most joins find is none or one, for which a cursor costs too much. */
const FEW = 16

interface Batch {
  readonly store: MemoryStore
  readonly clear: boolean
  readonly keys: ByteString[]
  readonly values: (string | undefined)[]
}

/** Values are kept as latin1 strings: a quarter of the heap objects of Buffers, and cheap for the collector to skip. */
class MemoryStore implements ByteStore {
  readonly name: string
  readonly #values = new Map<ByteString, string>()
  /** Built by the first range; kept in step from then on. */
  #order: OrderedKeys | undefined
  readonly #open = new Set<Cursor>()
  #scratch = Buffer.allocUnsafeSlow(1024)

  constructor(name: string) {
    this.name = name
  }

  get size(): number {
    return this.#values.size
  }

  get(key: ByteString): Buffer | undefined {
    const value = this.#values.get(key)
    return value === undefined ? undefined : this.#bytes(value)
  }

  range(
    from?: ByteString,
    to?: ByteString,
    options: { reverse?: boolean } = {},
  ): Iterable<readonly [ByteString, Buffer]> {
    this.#order ??= new OrderedKeys([...this.#values.keys()])
    const few = this.#order.between(from, to, FEW)
    if (few.length === 0) return NO_ENTRIES
    if (few.length > FEW) return this.#walk(this.#order.range(from, to, options.reverse))
    if (options.reverse === true) few.reverse()
    return this.#entries(
      few,
      few.map(key => this.#values.get(key) as string),
    )
  }

  /** The values are strings that no commit changes. */
  *#entries(
    keys: readonly ByteString[],
    values: readonly string[],
  ): Generator<readonly [ByteString, Buffer]> {
    for (let i = 0; i < keys.length; i++) yield [keys[i] as ByteString, this.#bytes(values[i] as string)]
  }

  *#walk(keys: Iterator<ByteString>): Generator<readonly [ByteString, Buffer]> {
    const cursor = new Cursor(keys, this.#values)
    this.#open.add(cursor)
    try {
      for (let entry = cursor.next(); entry !== undefined; entry = cursor.next()) {
        yield [entry[0], this.#bytes(entry[1])]
      }
    } finally {
      this.#open.delete(cursor)
    }
  }

  apply({ clear, keys, values: taken }: Batch): void {
    for (const cursor of this.#open) cursor.detach()
    const values = this.#values
    if (clear) {
      values.clear()
      this.#order = undefined
    }
    const order = this.#order
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as ByteString
      const value = taken[i]
      if (value === undefined) {
        if (values.delete(key)) order?.delete(key)
      } else {
        if (order !== undefined && !values.has(key)) order.add(key)
        values.set(key, value)
      }
    }
  }

  /** In one buffer that every read reuses, as the port allows. */
  #bytes(value: string): Buffer {
    if (value.length > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(value.length * 2)
    return this.#scratch.subarray(0, latin1Write(this.#scratch, value))
  }
}

/** A range that is being read. It sees one snapshot: before a commit changes the store, it copies what is left. */
class Cursor {
  #keys: Iterator<ByteString>
  #values: { get(key: ByteString): string | undefined }

  constructor(keys: Iterator<ByteString>, values: ReadonlyMap<ByteString, string>) {
    this.#keys = keys
    this.#values = values
  }

  next(): [ByteString, string] | undefined {
    const { done, value: key } = this.#keys.next()
    return done === true ? undefined : [key, this.#values.get(key) as string]
  }

  detach(): void {
    const rest = new Map<ByteString, string>()
    for (let entry = this.next(); entry !== undefined; entry = this.next()) rest.set(entry[0], entry[1])
    this.#keys = rest.keys()
    this.#values = rest
  }
}
