import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type TestDriver, testDriver } from 'evert/testing'
import { type Order, orders, orderValidations, warehouseStock } from './contracts.ts'
import { inventory } from './inventory.ts'
import { line, order } from './test/fixtures.ts'

function warehouse(stock: Record<string, number>): TestDriver {
  const driver = testDriver(inventory)
  for (const [sku, onHand] of Object.entries(stock)) {
    driver.send(warehouseStock, { key: sku, value: { sku, onHand } })
  }
  return driver
}

function send(driver: TestDriver, value: Order): void {
  driver.send(orders, { key: value.id, value })
}

function verdicts(driver: TestDriver): string[] {
  return driver
    .read(orderValidations)
    .map(({ key, value }) => [key, value?.check, value?.result, ...(value?.reasons ?? [])].join(' '))
}

function stockOf(driver: TestDriver): Record<string, unknown> {
  return Object.fromEntries(driver.rows<string>('stock').map(({ key, value }) => [key, value]))
}

test('pieces are set aside while there are enough', () => {
  const driver = warehouse({ UNDERPANTS: 75, JUMPERS: 1 })
  send(driver, order('0', [line('UNDERPANTS', 3)]))
  send(driver, order('1', [line('JUMPERS', 1)]))
  send(driver, order('2', [line('JUMPERS', 1)]))
  assert.deepEqual(verdicts(driver), [
    '0 INVENTORY PASS',
    '1 INVENTORY PASS',
    '2 INVENTORY FAIL JUMPERS: 1 wanted, 0 free',
  ])
  assert.deepEqual(stockOf(driver), {
    UNDERPANTS: { onHand: 75, reserved: 3, available: 72 },
    JUMPERS: { onHand: 1, reserved: 1, available: 0 },
  })
})

test('an order that comes twice reserves once and is answered once', () => {
  const driver = warehouse({ MUGS: 10 })
  send(driver, order('0', [line('MUGS', 3)]))
  send(driver, order('0', [line('MUGS', 3)]))
  assert.deepEqual(verdicts(driver), ['0 INVENTORY PASS'])
  assert.deepEqual(stockOf(driver), { MUGS: { onHand: 10, reserved: 3, available: 7 } })
})

test('a quantity below one is refused and reserves nothing', () => {
  for (const quantity of [0, -5]) {
    const driver = warehouse({ MUGS: 10, LAMPS: 10 })
    send(driver, order('0', [line('LAMPS', 2), line('MUGS', quantity)]))
    assert.deepEqual(verdicts(driver), [`0 INVENTORY FAIL MUGS: ${quantity} pieces cannot be reserved`])
    send(driver, order('0', [line('LAMPS', 2), line('MUGS', quantity)], 'FAILED'))
    assert.deepEqual(stockOf(driver)['LAMPS'], { onHand: 10, reserved: 0, available: 10 })
  }
})

test('a product that was never counted fails the order instead of leaving it without an answer', () => {
  const driver = warehouse({})
  send(driver, order('0', [line('UNICORNS', 1)]))
  assert.deepEqual(verdicts(driver), ['0 INVENTORY FAIL UNICORNS: not in the warehouse'])
})

test('lines of one product are reserved together', () => {
  const driver = warehouse({ MUGS: 5 })
  send(driver, order('0', [line('MUGS', 3), line('MUGS', 3)]))
  assert.deepEqual(verdicts(driver), ['0 INVENTORY FAIL MUGS: 6 wanted, 5 free'])
})

test('pieces of an order that failed go back, once, whatever failed it', () => {
  const driver = warehouse({ MUGS: 5, LAMPS: 1 })
  const partly = [line('MUGS', 4), line('LAMPS', 2)]
  send(driver, order('0', partly))
  assert.deepEqual(verdicts(driver), ['0 INVENTORY FAIL LAMPS: 2 wanted, 1 free'])
  assert.deepEqual(stockOf(driver)['MUGS'], { onHand: 5, reserved: 4, available: 1 })
  send(driver, order('0', partly, 'FAILED'))
  send(driver, order('0', partly, 'FAILED'))
  assert.deepEqual(stockOf(driver), {
    MUGS: { onHand: 5, reserved: 0, available: 5 },
    LAMPS: { onHand: 1, reserved: 0, available: 1 },
  })
  send(driver, order('1', [line('MUGS', 5)]))
  assert.deepEqual(verdicts(driver), ['1 INVENTORY PASS'])
})

test('pieces stay with an order that is validated', () => {
  const driver = warehouse({ MUGS: 5 })
  send(driver, order('0', [line('MUGS', 4)]))
  send(driver, order('0', [line('MUGS', 4)], 'VALIDATED'))
  assert.deepEqual(stockOf(driver), { MUGS: { onHand: 5, reserved: 4, available: 1 } })
})

test('a new count changes what is on hand and leaves what is reserved', () => {
  const driver = warehouse({ MUGS: 5 })
  send(driver, order('0', [line('MUGS', 4)]))
  driver.send(warehouseStock, { key: 'MUGS', value: { sku: 'MUGS', onHand: 50 } })
  driver.send(warehouseStock, { key: 'MUGS', value: { sku: 'MUGS', onHand: 50 } })
  assert.deepEqual(stockOf(driver), { MUGS: { onHand: 50, reserved: 4, available: 46 } })
})
