import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type TestDriver, testDriver } from 'evert/testing'
import { ALL, audit, NO_TOTALS, type Totals } from './audit.ts'
import { emails, orders, payments } from './contracts.ts'
import { line, order } from './test/fixtures.ts'

const lines = [line('MUGS', 2), line('LAMPS', 3)]

function totals(driver: TestDriver): Totals | undefined {
  return driver.row<string, Totals>('totals', ALL)?.value
}

function pay(driver: TestDriver, orderId: string): void {
  const amount = 500
  driver.send(payments, {
    key: `p-${orderId}`,
    value: { id: `p-${orderId}`, orderId, amount, currency: 'GBP', status: 'CONFIRMED' },
  })
}

test('the totals follow what the log says of each order', () => {
  const driver = testDriver(audit)
  for (const [id, state] of [
    ['o1', 'CREATED'],
    ['o2', 'CREATED'],
    ['o1', 'VALIDATED'],
    ['o2', 'FAILED'],
  ] as const) {
    driver.send(orders, { key: id, value: order(id, lines, state) })
  }
  pay(driver, 'o1')
  const email = { paymentId: 'p-o1', orderId: 'o1', customerId: 7, subject: '', text: '' }
  driver.send(emails, { key: 'p-o1', value: email })
  assert.deepEqual(totals(driver), {
    ...NO_TOTALS,
    orders: 2,
    created: 2,
    validated: 1,
    failed: 1,
    payments: 1,
    emails: 1,
    pieces: 5,
  })
})

test('an order that has something twice counts as broken, once', () => {
  const driver = testDriver(audit)
  for (const state of ['CREATED', 'VALIDATED', 'FAILED', 'FAILED'] as const) {
    driver.send(orders, { key: 'o1', value: order('o1', lines, state) })
  }
  driver.send(orders, { key: 'o2', value: order('o2', lines) })
  assert.equal(totals(driver)?.broken, 1)
  pay(driver, 'o2')
  pay(driver, 'o2')
  assert.equal(totals(driver)?.broken, 2)
})
