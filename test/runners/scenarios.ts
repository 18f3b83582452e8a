import { app, int64, json, string, topic } from 'evert'
import { recordOf, testDriver, type TestDriver } from 'evert/testing'
import { z } from 'zod'

const Order = z.object({ customer: z.string(), cents: z.number(), lines: z.array(z.string()) })
const orders = topic('orders', { key: string, value: json(Order) })
const names = topic('customer-names', { key: string, value: string })
const spent = topic('spent', { key: string, value: int64 })
const greetings = topic('greetings', { key: string, value: string })

function shop(options: Parameters<typeof testDriver>[1] = {}): TestDriver {
  const application = app('shop')
  const stream = application.stream(orders)
  stream
    .groupBy(order => order.customer)
    .aggregate(
      () => 0,
      (sum, order) => sum + order.cents,
      { store: 'spent', value: int64 },
    )
    .toStream()
    .to(spent)
  stream
    .selectKey(order => order.customer)
    .join(application.table(names), (order, name) => `${name}: ${order.lines.join(' and ')}`, {
      value: string,
    })
    .mapAsync(async greeting => `Hello ${greeting}`, { value: string })
    .to(greetings)
  return testDriver(application, options)
}

const order = (key: string, customer: string, cents: number) =>
  recordOf(orders, { key, value: { customer, cents, lines: ['tea', 'cups'] }, timestamp: cents })

/** Each must pass under every test runner. */
export const scenarios: Readonly<Record<string, () => void | Promise<void>>> = {
  'what was given, what happens, what comes of it': () => {
    shop()
      .given([order('1', 'ann', 5)])
      .when([order('2', 'ann', 7), order('3', 'ben', 9)])
      .then([
        recordOf(spent, { key: 'ann', value: 12, timestamp: 7 }),
        recordOf(spent, { key: 'ben', value: 9 }),
      ])
  },

  'several partitions, for some seeds': () => {
    for (let seed = 1; seed <= 5; seed++) {
      shop({ partitions: 3, seed })
        .given([])
        .when([order('1', 'ann', 5), order('2', 'ben', 7), order('3', 'ann', 9)])
        .then([
          recordOf(spent, { key: 'ben', value: 7 }),
          recordOf(spent, { key: 'ann', value: 5 }),
          recordOf(spent, { key: 'ann', value: 14 }),
        ])
    }
  },

  'asynchronous functions': async () => {
    const driver = shop()
    driver.send(names, { key: 'ann', value: 'Ann', timestamp: 1 })
    driver.send(orders, order('1', 'ann', 5) as { key: string; value: z.infer<typeof Order> })
    await driver.settled()
    const [greeting] = driver.read(greetings)
    if (greeting?.value !== 'Hello Ann: tea and cups') throw new Error(`it is ${greeting?.value}`)
  },

  'a failure that is expected': () => {
    const application = app('strict')
    application.stream(names).peek(name => {
      if (name === '') throw new RangeError('the name is empty')
    })
    testDriver(application)
      .given([])
      .when(recordOf(names, { key: 'ann', value: '' }))
      .thenThrows({ code: 'TASK_FAILED', message: /the name is empty/ })
  },

  'a value that is changed in place': () => {
    const application = app('careless')
    application.stream(orders).peek(each => void each.lines.push('more'))
    testDriver(application)
      .given([])
      .when(order('1', 'ann', 5))
      .thenThrows({ code: 'TASK_FAILED' })
  },
}

/** It fails: its message is what is looked at. */
export function failing(): void {
  shop()
    .given([order('1', 'ann', 5)])
    .when([order('2', 'ann', 7), order('3', 'ben', 9)])
    .then([recordOf(spent, { key: 'ann', value: 13 }), recordOf(spent, { key: 'ben', value: 9 })])
}
