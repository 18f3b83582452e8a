import { type App, app, int64, string, topic, tumbling, windowed } from 'evert'
import {
  customers,
  jsonOf,
  MINUTE_MS,
  orders,
  ordersById,
  PARTITIONS,
  payments,
  WITHIN_MS,
} from './topics.ts'

/** The same applications as in java/Service.java. */
export function applicationOf(work: string, id: string, output: string): App {
  const define = definitions[work]
  if (define === undefined) throw new Error(`There is no work ${work}.`)
  const made = app(id)
  define(made, output)
  return made
}

const counts = (name: string) => topic(name, { key: string, value: int64, partitions: PARTITIONS })
const results = (name: string) =>
  topic(name, { key: string, value: jsonOf<object>(), partitions: PARTITIONS })

const filterAndMap = (made: App, output: string): void => {
  made
    .stream(orders)
    .filter(order => order.quantity > 1)
    .map(({ orderId, customerId, quantity, price }): object => ({
      orderId,
      customerId,
      amount: quantity * price,
    }))
    .to(results(output))
}

const count = (made: App, output: string): void => {
  made.stream(orders).groupByKey().count({ store: 'counts' }).toStream().to(counts(output))
}

const definitions: Readonly<Record<string, (made: App, output: string) => void>> = {
  'filter-map': filterAndMap,
  latency: filterAndMap,
  count,
  'latency-count': count,
  'windowed-count'(made, output) {
    const key = windowed(string, { sizeMs: MINUTE_MS })
    made
      .stream(orders)
      .groupByKey()
      .windowedBy(tumbling({ sizeMs: MINUTE_MS, graceMs: 0 }))
      .count({ store: 'counts' })
      .toStream()
      .to(topic(output, { key, value: int64, partitions: PARTITIONS }))
  },
  're-key-sum'(made, output) {
    made
      .stream(orders)
      .selectKey(order => order.product)
      .map(order => order.quantity * order.price, { value: int64 })
      .groupByKey()
      .reduce((sum, amount) => sum + amount, { store: 'sums' })
      .toStream()
      .to(counts(output))
  },
  'stream-table-join'(made, output) {
    const table = made.table(customers, { store: 'customers' })
    made
      .stream(orders)
      .join(table, ({ orderId, product, quantity }, { name, level }): object => ({
        orderId,
        product,
        quantity,
        name,
        level,
      }))
      .to(results(output))
  },
  'stream-stream-join'(made, output) {
    made
      .stream(ordersById)
      .join(
        made.stream(payments),
        ({ orderId, customerId }, { paymentId, amount }): object => ({
          orderId,
          customerId,
          paymentId,
          amount,
        }),
        { within: { beforeMs: WITHIN_MS, afterMs: WITHIN_MS, graceMs: 0 } },
      )
      .to(results(output))
  },
}
