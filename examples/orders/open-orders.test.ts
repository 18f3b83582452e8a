import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testDriver } from 'evert/testing'
import { orders } from './contracts.ts'
import { openOrdersService } from './open-orders.ts'
import { line, order } from './test/fixtures.ts'

test('an order is open from its first event until it failed, and fulfilled when it is shipped', () => {
  const driver = testDriver(openOrdersService)
  const lines = [line('MUGS', 2, 150), line('LAMPS', 1, 2000)]
  const seen = () =>
    driver.row<string, { state: string; fulfilled: boolean; orderValue: number }>('openOrders', 'o1')
  const states = (['CREATED', 'VALIDATED', 'SHIPPED', 'FAILED'] as const).map(state => {
    driver.send(orders, { key: 'o1', value: order('o1', lines, state) })
    const row = seen()?.value
    return row === undefined ? 'gone' : [row.state, row.fulfilled, row.orderValue]
  })
  assert.deepEqual(states, [
    ['CREATED', false, 2300],
    ['VALIDATED', false, 2300],
    ['SHIPPED', true, 2300],
    'gone',
  ])
})
