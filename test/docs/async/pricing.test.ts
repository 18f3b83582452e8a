import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testDriver } from 'evert/testing'
import { orders, pricedOrders, pricing } from './pricing.ts'

test('an order gets the price of its product', async () => {
  const driver = testDriver(pricing(async product => (product === 'pear' ? 4 : 3)))
  driver.send(orders, { key: 'order-1', value: { product: 'pear', quantity: 2 } })
  await driver.settled()
  const [priced] = driver.read(pricedOrders)
  assert.deepEqual(priced?.value, { product: 'pear', quantity: 2, price: 4 })
})
