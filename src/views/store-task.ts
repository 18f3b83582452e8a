import type { Position } from '../contracts/position.ts'
import type { CommittedStore, TaskStores } from '../streams/state/task-stores.ts'
import type { CommittedRows, LocalTask } from './local-tasks.ts'
import { indexStoreName } from './secondary-index.ts'

export interface StoreTaskOptions {
  readonly partition: number
  readonly stores: TaskStores
  /** The view's store, open, with SecondaryIndexes of these fields observing it. */
  readonly store: string
  readonly indexes: readonly string[]
  /** What the last commit reflects. */
  readonly position: () => Position
}

/** One partition of a view, read from the stores of its task. */
export function storeTask<V>(options: StoreTaskOptions): LocalTask<V> {
  const { partition, stores, store, indexes, position } = options
  const byField = new Map(indexes.map(field => [field, stores.bytes(indexStoreName(store, field))]))
  const bytes = stores.bytes(store)
  return {
    partition,
    rows: rowsOf(stores.committed<V>(store), () => bytes.size),
    index: field => byField.get(field),
    position,
  }
}

function rowsOf<V>(store: CommittedStore<V>, size: () => number): CommittedRows<V> {
  return {
    get: key => store.get(key)?.value,
    *range(from, to) {
      for (const [key, stored] of store.range(from, to)) yield [key, stored.value]
    },
    get size() {
      return size()
    },
  }
}
