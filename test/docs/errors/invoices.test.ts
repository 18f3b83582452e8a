import assert from 'node:assert/strict'
import { test } from 'node:test'
import { topic } from 'evert'
import { testDriver } from 'evert/testing'
import { invoices, invoicing, onError, orders, refused } from './invoices.ts'

const rawOrders = topic(orders.name, { key: refused.key, value: refused.value })

test('what fails is kept with the reason, or left out and counted; the rest goes on', () => {
  const driver = testDriver(invoicing, { onError })
  driver.send(orders, { key: 'o1', value: { customer: 'ann', lines: ['3 pens'] } })
  driver.send(rawOrders, { key: Buffer.from('o2'), value: Buffer.from('{"customer":') })
  driver.send(orders, { key: 'o3', value: { customer: 'ann', lines: [] } })
  driver.send(orders, { key: 'o4', value: { customer: 'ann', lines: ['x'.repeat(5_000)] } })
  driver.send(orders, { key: 'o5', value: { customer: 'bob', lines: ['1 desk'] } })
  assert.deepEqual(
    driver.read(invoices).map(({ key }) => key),
    ['o1', 'o5'],
  )
  const letters = driver.read(refused)
  assert.deepEqual(
    letters.map(({ key, value }) => [String(key), String(value)]),
    [
      ['o2', '{"customer":'],
      ['o3', '{"customer":"ann","lines":[]}'],
    ],
  )
  const why = letters[1]?.headers.find(({ key }) => key === '__streams.errors.message')
  assert.equal(why?.value?.toString(), 'an order without lines')
  assert.deepEqual(
    driver.dropped().map(({ operator, reason, count }) => [operator, reason, count]),
    [
      ['write', 'deserialization', 1],
      ['write', 'processing', 1],
      ['invoices', 'production', 1],
    ],
  )
})
