import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testDriver } from 'evert/testing'
import { type Line, orders, orderValidations, products } from './contracts.ts'
import { orderDetails } from './order-details.ts'
import { line, order } from './test/fixtures.ts'

function detailsDriver() {
  const driver = testDriver(orderDetails)
  for (const sku of ['MUGS', 'LAMPS']) {
    driver.send(products, { key: sku, value: { sku, description: sku.toLowerCase(), unitPrice: 100 } })
  }
  return driver
}

const cases: [name: string, lines: Line[], reasons: string[]][] = [
  ['known products in whole pieces pass', [line('MUGS', 1), line('LAMPS', 20)], []],
  ['the price zero passes', [line('MUGS', 1, 0)], []],
  ['a product on two lines passes', [line('MUGS', 1), line('MUGS', 2)], []],
  ['no pieces fail', [line('MUGS', 0)], ['MUGS: the quantity 0 is below 1']],
  ['less than none fail', [line('MUGS', -5)], ['MUGS: the quantity -5 is below 1']],
  ['a price below zero fails', [line('MUGS', 1, -1)], ['MUGS: the price -1 is below 0']],
  ['an unknown product fails', [line('UNICORNS', 1)], ['UNICORNS: no such product']],
  [
    'every fault is told',
    [line('LAMPS', 1), line('UNICORNS', 0, -2)],
    ['UNICORNS: the quantity 0 is below 1', 'UNICORNS: the price -2 is below 0', 'UNICORNS: no such product'],
  ],
]
for (const [name, lines, reasons] of cases) {
  test(name, () => {
    const driver = detailsDriver()
    driver.send(orders, { key: 'o1', value: order('o1', lines) })
    const result = reasons.length === 0 ? 'PASS' : 'FAIL'
    assert.deepEqual(
      driver.read(orderValidations).map(({ key, value }) => [key, value]),
      [['o1', { orderId: 'o1', check: 'ORDER_DETAILS', result, reasons }]],
    )
  })
}

test('an order gets one verdict, and only when it is new', () => {
  const driver = detailsDriver()
  const lines = [line('MUGS', 1), line('LAMPS', 1)]
  driver.send(orders, { key: 'o1', value: order('o1', lines, 'VALIDATED') })
  assert.deepEqual(driver.read(orderValidations), [])
  driver.send(orders, { key: 'o1', value: order('o1', lines) })
  driver.send(orders, { key: 'o1', value: order('o1', lines) })
  driver.send(orders, { key: 'o1', value: order('o1', lines, 'FAILED') })
  assert.equal(driver.read(orderValidations).length, 1)
})
