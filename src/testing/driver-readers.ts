import type { GlobalTable, StoreDefinition, SubTopology } from '../streams/graph/topology.ts'
import type { GlobalRows } from '../streams/runtime/global-rows.ts'
import { Task } from '../streams/runtime/task.ts'
import type { TaskOptions } from '../streams/runtime/task-options.ts'
import type { KeyValueStore } from '../streams/state/store.ts'
import { storesByName } from '../streams/state/window-rows.ts'
import { freezing } from './deep-freeze.ts'
import { DriverStore } from './driver-stores.ts'
import { singleRecord } from './single-record.ts'
import type { LogRecord, Reader } from './turns.ts'

/** A store that a test can look into. */
export interface OpenStore {
  readonly definition: StoreDefinition
  readonly store: KeyValueStore<unknown>
}

/** A task of a test driver, with its stores. */
export class DriverTask implements Reader {
  readonly isImmediate = false
  readonly task: Task
  readonly stores: readonly OpenStore[]
  readonly #partition: number

  constructor(options: Omit<TaskOptions, 'stores'>, globalStore: (name: string) => KeyValueStore<unknown>) {
    const { subTopology, partition } = options
    const byName = new Map<string, KeyValueStore<unknown>>()
    this.stores = subTopology.stores.map(definition => {
      const kept = new DriverStore<unknown>(definition.name)
      for (const [name, store] of storesByName(kept, definition.value)) byName.set(name, store)
      return { definition, store: byName.get(definition.name) as KeyValueStore<unknown> }
    })
    for (const name of subTopology.globalStores) byName.set(name, globalStore(name))
    this.#partition = partition
    this.task = new Task({
      ...options,
      stores: { keyValue: <V>(name: string) => byName.get(name) as KeyValueStore<V> },
    })
  }

  get buffered(): number {
    return this.task.buffered
  }

  enqueue({ topic, record }: LogRecord): void {
    this.task.enqueue({
      topic,
      partition: this.#partition,
      batches: [singleRecord(record)],
      fromOffset: record.offset,
      nextOffset: record.offset + 1,
    })
  }

  process(maxRecords: number): number {
    return this.task.process(maxRecords)
  }
}

/** A global table of a test driver: one store over all partitions of its topic. */
export class GlobalReader implements Reader, OpenStore {
  readonly isImmediate = true
  readonly topic: string
  readonly definition: StoreDefinition
  readonly store: KeyValueStore<unknown>
  readonly #table: GlobalTable
  readonly #rows: GlobalRows
  readonly #waiting: LogRecord[] = []

  constructor(table: GlobalTable, rows: GlobalRows) {
    this.#table = table
    this.#rows = rows
    this.topic = table.topic
    this.definition = table.store
    this.store = new DriverStore<unknown>(table.store.name)
  }

  get buffered(): number {
    return this.#waiting.length
  }

  enqueue(record: LogRecord): void {
    this.#waiting.push(record)
  }

  process(maxRecords: number): number {
    const taken = this.#waiting.splice(0, maxRecords)
    for (const { record, partition } of taken) {
      const read = { partition, firstOffset: record.offset, batches: [singleRecord(record)] }
      this.#rows.write(this.#table, read, this.store)
    }
    return taken.length
  }
}

/** What a function changes that it was given throws there. */
export function withFrozenValues(subTopology: SubTopology): SubTopology {
  const nodes = subTopology.nodes.map(node =>
    node.kind === 'processor' ? node : { ...node, key: freezing(node.key), value: freezing(node.value) },
  )
  return { ...subTopology, nodes }
}
