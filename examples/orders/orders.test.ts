import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testDriver } from 'evert/testing'
import {
  type OrderValidation,
  orderCommands,
  orders,
  orderValidations,
  type PlaceOrder,
} from './contracts.ts'
import { orderService } from './orders.ts'
import { fail, line, pass } from './test/fixtures.ts'

const command: PlaceOrder = { customerId: 7, deliveryLocation: 'CA', lines: [line('MUGS', 2)] }

type Step = PlaceOrder | OrderValidation

function statesAfter(steps: Step[]): string[] {
  const driver = testDriver(orderService)
  for (const step of steps) {
    if ('check' in step) driver.send(orderValidations, { key: 'o1', value: step })
    else driver.send(orderCommands, { key: 'o1', value: step })
  }
  return driver.read(orders).map(({ key, value }) => [key, value?.state, ...(value?.reasons ?? [])].join(' '))
}

const details = pass('o1', 'ORDER_DETAILS')
const stock = pass('o1', 'INVENTORY')
const noStock = fail('o1', 'INVENTORY', 'none left')
const noProduct = fail('o1', 'ORDER_DETAILS', 'no such product')

const cases: [name: string, steps: Step[], events: string[]][] = [
  ['a command becomes the order', [command], ['o1 CREATED']],
  ['a command that is sent again changes nothing', [command, command], ['o1 CREATED']],
  ['one check is not enough', [command, details], ['o1 CREATED']],
  ['the same check twice is not enough', [command, details, details, details], ['o1 CREATED']],
  ['all checks validate the order', [command, stock, details], ['o1 CREATED', 'o1 VALIDATED']],
  ['one failed check fails the order', [command, noStock], ['o1 CREATED', 'o1 FAILED none left']],
  [
    'a second failure is not a second verdict',
    [command, noStock, noProduct],
    ['o1 CREATED', 'o1 FAILED none left'],
  ],
  [
    'passes after a failure do not validate',
    [command, noStock, details, stock, details],
    ['o1 CREATED', 'o1 FAILED none left'],
  ],
  [
    'a failure after the verdict changes nothing',
    [command, stock, details, noStock, command],
    ['o1 CREATED', 'o1 VALIDATED'],
  ],
]
for (const [name, steps, events] of cases) test(name, () => assert.deepEqual(statesAfter(steps), events))

test('an order has the time of its command, and is found by its id', () => {
  const driver = testDriver(orderService)
  driver.send(orderCommands, { key: 'o9', value: command, timestamp: 1234 })
  assert.equal(driver.read(orders)[0]?.timestamp, 1234)
  assert.deepEqual(driver.row('orders', 'o9'), {
    key: 'o9',
    value: { ...command, id: 'o9', state: 'CREATED', reasons: [] },
    timestamp: 1234,
  })
})
