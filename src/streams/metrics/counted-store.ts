import type { MetricLabels, MetricSheet } from '../../internal/metric.ts'
import type { StoreAccess } from '../processors/processor.ts'
import type { ByteString } from '../state/byte-store.ts'
import type { KeyValueStore, StoredValue } from '../state/store.ts'
import { streamsMetrics } from './definitions.ts'

/** Counts what the operators of a task ask of its stores; built in on the level debug alone. */
export class StoreCounts {
  readonly #stores = new Map<string, StoreCount>()

  /** The stores, counted. */
  around(stores: StoreAccess): StoreAccess {
    return { keyValue: <V>(name: string) => new CountedStore(stores.keyValue<V>(name), this.#of(name)) }
  }

  report(sheet: MetricSheet, labels: MetricLabels): void {
    for (const [store, { gets, puts, ranges }] of this.#stores) {
      sheet.set(streamsMetrics.gets, gets, { ...labels, store })
      sheet.set(streamsMetrics.puts, puts, { ...labels, store })
      sheet.set(streamsMetrics.ranges, ranges, { ...labels, store })
    }
  }

  #of(store: string): StoreCount {
    let count = this.#stores.get(store)
    if (count === undefined) {
      count = { gets: 0, puts: 0, ranges: 0 }
      this.#stores.set(store, count)
    }
    return count
  }
}

interface StoreCount {
  gets: number
  puts: number
  ranges: number
}

class CountedStore<V> implements KeyValueStore<V> {
  readonly name: string
  readonly #store: KeyValueStore<V>
  readonly #count: StoreCount

  constructor(store: KeyValueStore<V>, count: StoreCount) {
    this.name = store.name
    this.#store = store
    this.#count = count
  }

  get(key: ByteString): StoredValue<V> | undefined {
    this.#count.gets++
    return this.#store.get(key)
  }

  put(key: ByteString, value: V | null, timestamp: number): void {
    this.#count.puts++
    this.#store.put(key, value, timestamp)
  }

  range(from?: ByteString, to?: ByteString, options?: { reverse?: boolean }) {
    this.#count.ranges++
    return this.#store.range(from, to, options)
  }
}
