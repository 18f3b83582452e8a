import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testDriver } from 'evert/testing'
import { checkout, lateOrders, orders, sums, unpaidOrders } from './checkout.ts'

const order = { shop: 'north', amount: 20 }
const at = (minute: number) => Date.UTC(2030, 0, 1, 12, minute)

test('a minute is final when nothing more has come for a minute; what comes then is late', () => {
  const driver = testDriver(checkout)
  driver.send(orders, { key: 'o1', value: { ...order, state: 'paid', atMs: at(0) } })
  driver.send(orders, { key: 'o2', value: { ...order, state: 'paid', atMs: at(0) + 5_000 } })
  assert.deepEqual(driver.read(sums), [])
  driver.advanceWallClock(70_000)
  assert.deepEqual(
    driver.read(sums).map(({ value }) => value),
    [{ shop: 'north', minute: '2030-01-01T12:00:00.000Z', amount: 40 }],
  )
  driver.send(orders, { key: 'o3', value: { ...order, state: 'paid', atMs: at(0) + 7_000 } })
  const [late] = driver.read(lateOrders)
  assert.equal(late?.value?.atMs, at(0) + 7_000)
  assert.deepEqual(driver.dropped(), [{ task: '1_0', operator: 'paid', reason: 'late', count: 1 }])
})

test('an order that is not paid in time is told, one that is paid is not', () => {
  const driver = testDriver(checkout)
  driver.send(orders, { key: 'o1', value: { ...order, state: 'placed', atMs: at(0) } })
  driver.send(orders, { key: 'o2', value: { ...order, state: 'placed', atMs: at(1) } })
  driver.send(orders, { key: 'o2', value: { ...order, state: 'paid', atMs: at(20) } })
  driver.send(orders, { key: 'o1', value: { ...order, state: 'paid', atMs: at(40) } })
  assert.deepEqual(
    driver.read(unpaidOrders).map(({ key, timestamp }) => [key, timestamp]),
    [['o1', at(30)]],
  )
})
