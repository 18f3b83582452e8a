import { type Codec, json, StreamsBuilder, string, topic, type Topic } from 'evert'
import { batchDriver, recordBatches, type TypedRecord } from 'evert/testing'
import type { PreparedWork, Work } from '../suite.ts'
import {
  BATCH,
  type Customer,
  foreignKeyUpdates,
  type InputBatch,
  type Order,
  ordersOfCustomers,
  streamOfOrders,
  tableUpdates,
} from './inputs.ts'
import { joinedLine, numberLines } from './results.ts'

/*
 * Each work is a topology over topics whose records are JSON, fed as the record batches of a log: it decodes what it
 * joins, keeps its state with a changelog and commits every 10,000 records. Results are taken where they leave the
 * operator, as the other engines give them.
 */

const topicOf = <V>(name: string) => topic(name, { key: string, value: json() as unknown as Codec<V> })
const orders = topicOf<Order>('orders')
const customers = topicOf<Customer>('customers')

export const works: Record<string, Work> = {
  async count() {
    const counts = new Map<string, number>()
    const builder = new StreamsBuilder()
    const table = builder.stream(orders).groupByKey().count()
    table.toStream().peek((count, key) => counts.set(key, count))
    return prepared(builder, { left: orders }, streamOfOrders(), () => numberLines(counts))
  },

  async 'stream-table-join'() {
    const sums = new Map<string, number>()
    const builder = new StreamsBuilder()
    builder
      .stream(orders)
      .join(builder.table(customers), (order, customer) => order.amount * customer.discount)
      .peek((amount, key) => sums.set(key, (sums.get(key) ?? 0) + amount))
    return prepared(builder, { left: orders, right: customers }, ordersOfCustomers(), () => numberLines(sums))
  },

  async 'table-table-join'() {
    const rows = new Rows<Customer, Customer>()
    const builder = new StreamsBuilder()
    const left = topicOf<Customer>('left')
    const right = topicOf<Customer>('right')
    const joined = builder.table(left).join(builder.table(right), pairOf)
    joined.toStream().peek((pair, key) => rows.set(key, pair))
    return prepared(builder, { left, right }, tableUpdates(), () => rows.lines())
  },

  async 'foreign-key-join'() {
    const rows = new Rows<Order, Customer>()
    const builder = new StreamsBuilder()
    const joined = builder
      .table(orders)
      .joinByForeignKey(builder.table(customers), order => order.customerId, pairOf)
    joined.toStream().peek((pair, key) => rows.set(key, pair))
    return prepared(builder, { left: orders, right: customers }, foreignKeyUpdates(), () => rows.lines())
  },
}

interface Pair<L, R> {
  readonly left: L
  readonly right: R
}

function pairOf<L, R>(left: L, right: R): Pair<L, R> {
  return { left, right }
}

/** The rows of a joined table, kept up by its changes. */
class Rows<L, R> {
  readonly #pairs = new Map<string, Pair<L, R>>()

  set(key: string, pair: Pair<L, R> | null): void {
    if (pair === null) this.#pairs.delete(key)
    else this.#pairs.set(key, pair)
  }

  *lines(): Generator<string> {
    for (const [key, { left, right }] of this.#pairs) yield joinedLine(key, left, right)
  }
}

/** The inputs in their order: the timestamp of a record is its number among all. */
function prepared(
  builder: StreamsBuilder,
  topics: { readonly left: Topic<string, unknown>; readonly right?: Topic<string, unknown> },
  batches: readonly InputBatch<unknown>[],
  lines: () => Iterable<string>,
): PreparedWork {
  const driver = batchDriver(builder)
  let timestamp = 0
  const records: Record<InputBatch<unknown>['side'], TypedRecord<string, unknown>[]> = { left: [], right: [] }
  for (const batch of batches) {
    for (const record of batch.records) records[batch.side].push({ ...record, timestamp: timestamp++ })
  }
  const left = recordBatches(topics.left, records.left, { batchSize: BATCH })
  const right =
    topics.right === undefined ? [] : recordBatches(topics.right, records.right, { batchSize: BATCH })
  return {
    async run() {
      driver.feed(topics.left, left)
      if (topics.right !== undefined) driver.feed(topics.right, right)
      driver.run()
      return timestamp
    },
    result: async () => lines(),
  }
}
