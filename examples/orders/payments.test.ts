import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testDriver } from 'evert/testing'
import { orders, payments } from './contracts.ts'
import { paymentService } from './payments.ts'
import { line, order } from './test/fixtures.ts'

test('every validated order is paid in full, and no other', () => {
  const driver = testDriver(paymentService)
  const lines = [line('MUGS', 2, 150), line('LAMPS', 1, 2000)]
  for (const state of ['CREATED', 'VALIDATED'] as const) {
    driver.send(orders, { key: 'o1', value: order('o1', lines, state) })
  }
  driver.send(orders, { key: 'o2', value: order('o2', lines, 'FAILED') })
  assert.deepEqual(
    driver.read(payments).map(({ key, value }) => [key, value]),
    [['payment-o1', { id: 'payment-o1', orderId: 'o1', amount: 2300, currency: 'GBP', status: 'CONFIRMED' }]],
  )
})
