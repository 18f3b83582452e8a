import assert from 'node:assert/strict'
import { test } from 'node:test'
import { app, string, topic } from '../../src/index.ts'
import { recordOf, testDriver } from '../../src/testing/index.ts'

const orders = topic('orders', { key: string, value: string })
const customers = topic('customers', { key: string, value: string })

/** An order is `customer:text`. */
function joining() {
  const shop = app('shop')
  const joined = shop
    .table(orders)
    .joinByForeignKey(
      shop.table(customers),
      order => order.split(':')[0] as string,
      (order, name) => `${order} of ${name}`,
    )
    .view('joined')
  return { shop, joined }
}

const cases: Record<string, readonly (readonly [typeof orders, string, string | null])[]> = {
  'a row is deleted and comes back to a customer that is not there': [
    [orders, 'o', null],
    [orders, 'o', 'nobody:2'],
  ],
  'a row goes to a customer that is not there, and changes again': [
    [orders, 'o', 'nobody:2'],
    [orders, 'o', 'nobody:3'],
  ],
  'a customer is deleted while the row changes': [
    [customers, 'ann', null],
    [orders, 'o', 'ann:2'],
  ],
  'a row is deleted, comes back, and is deleted': [
    [orders, 'o', null],
    [orders, 'o', 'nobody:2'],
    [orders, 'o', null],
  ],
}

for (const [name, changes] of Object.entries(cases)) {
  test(`no joined row is left behind when ${name}, in any order of the tasks`, () => {
    for (let seed = 0; seed < 60; seed++) {
      const { shop, joined } = joining()
      const driver = testDriver(shop, { seed, partitions: { orders: 2, customers: 2 } })
      driver.sendAll([recordOf(customers, { key: 'ann', value: 'Ann' })])
      driver.sendAll([recordOf(orders, { key: 'o', value: 'ann:1' })])
      assert.deepEqual(
        Array.from(driver.rows(joined), ({ value }) => value),
        ['ann:1 of Ann'],
      )
      driver.sendAll(changes.map(([to, key, value]) => recordOf(to, { key, value })))
      assert.deepEqual([...driver.rows(joined)], [], `seed ${seed}`)
    }
  })
}
