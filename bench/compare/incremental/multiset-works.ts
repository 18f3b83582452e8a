import type { PreparedWork, Work } from '../suite.ts'
import {
  type Customer,
  foreignKeyUpdates,
  type InputBatch,
  type Keyed,
  type Order,
  ordersOfCustomers,
  streamOfOrders,
  tableUpdates,
} from './inputs.ts'
import { JoinedRows, numberLines } from './results.ts'

/*
 * The works for engines over changes of multisets. They get one input batch at a time, made into changes before, and
 * run after each. An update is the old row with multiplicity -1, the very object that went in, and the new one with 1.
 * Counts are made with each engine's own counting operator.
 */

export type Entry = [key: string, value: unknown]

/** Entries and their multiplicities. */
export type Changes = [Entry, number][]

export interface MultisetGraph {
  sendLeft(changes: Changes): void
  sendRight(changes: Changes): void
  /** Everything that was sent is processed when it returns. */
  run(): void
}

export interface MultisetEngine {
  /** Of the entries of `sendLeft`. */
  countGraph(onChange: (key: string, count: number, multiplicity: number) => void): MultisetGraph
  joinGraph(
    onChange: (key: string, left: unknown, right: unknown, multiplicity: number) => void,
  ): MultisetGraph
}

export function multisetWorks(engine: MultisetEngine): Record<string, Work> {
  return {
    async count() {
      const counts = new Map<string, number>()
      const graph = engine.countGraph((key, count, multiplicity) => {
        if (multiplicity > 0) counts.set(key, count)
      })
      return prepared(graph, appends(streamOfOrders()), () => numberLines(counts))
    },

    async 'stream-table-join'() {
      const sums = new Map<string, number>()
      const graph = engine.joinGraph((key, order, customer, multiplicity) =>
        sums.set(
          key,
          (sums.get(key) ?? 0) + multiplicity * (order as Order).amount * (customer as Customer).discount,
        ),
      )
      return prepared(graph, appends(ordersOfCustomers()), () => numberLines(sums))
    },

    async 'table-table-join'() {
      const rows = new JoinedRows()
      const graph = engine.joinGraph((key, left, right, multiplicity) =>
        rows.add(key, left, right, multiplicity),
      )
      return prepared(
        graph,
        upserts(tableUpdates(), ({ key }) => key),
        () => rows.lines(),
      )
    },

    async 'foreign-key-join'() {
      const rows = new JoinedRows()
      const graph = engine.joinGraph((_, order, customer, multiplicity) =>
        rows.add((order as Order).orderId, order, customer, multiplicity),
      )
      // Both sides are keyed by the customer.
      const batches = upserts(foreignKeyUpdates(), ({ value }) => value.customerId)
      return prepared(graph, batches, () => rows.lines())
    },
  }
}

interface ChangeBatch {
  readonly side: 'left' | 'right'
  readonly records: number
  readonly changes: Changes
}

function appends<V>(batches: readonly InputBatch<V>[]): ChangeBatch[] {
  return batches.map(({ side, records }) => ({
    side,
    records: records.length,
    changes: records.map(({ key, value }) => [[key, value], 1]),
  }))
}

function upserts<V>(batches: readonly InputBatch<V>[], keyOf: (record: Keyed<V>) => string): ChangeBatch[] {
  const rows = { left: new Map<string, Entry>(), right: new Map<string, Entry>() }
  return batches.map(({ side, records }) => {
    const changes: Changes = []
    for (const record of records) {
      const before = rows[side].get(record.key)
      if (before !== undefined) changes.push([before, -1])
      const now: Entry = [keyOf(record), record.value]
      rows[side].set(record.key, now)
      changes.push([now, 1])
    }
    return { side, records: records.length, changes }
  })
}

function prepared(
  graph: MultisetGraph,
  batches: readonly ChangeBatch[],
  lines: () => Iterable<string>,
): PreparedWork {
  return {
    async run() {
      let sum = 0
      for (const { side, records, changes } of batches) {
        if (side === 'left') graph.sendLeft(changes)
        else graph.sendRight(changes)
        graph.run()
        sum += records
      }
      return sum
    },
    result: async () => lines(),
  }
}
