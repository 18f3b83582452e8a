import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type TestDriver, testDriver } from 'evert/testing'
import { emails, orders, type Payment, payments, products } from './contracts.ts'
import { emailService } from './email.ts'
import { line, order } from './test/fixtures.ts'

const lines = [line('MUGS', 2, 150), line('LAMPS', 1, 2000)]
const payment: Payment = { id: 'p1', orderId: 'o1', amount: 2300, currency: 'GBP', status: 'CONFIRMED' }

const send = {
  order: (driver: TestDriver) => driver.send(orders, { key: 'o1', value: order('o1', lines, 'VALIDATED') }),
  payment: (driver: TestDriver) => driver.send(payments, { key: 'p1', value: payment }),
  mugs: (driver: TestDriver) => driver.send(products, { key: 'MUGS', value: named('MUGS', 'Blue mug') }),
  lamps: (driver: TestDriver) => driver.send(products, { key: 'LAMPS', value: named('LAMPS', 'Brass lamp') }),
}

function named(sku: string, description: string) {
  return { sku, description, unitPrice: 1 }
}

function permutations<T>(items: T[]): T[][] {
  if (items.length < 2) return [items]
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map(rest => [item, ...rest]))
}

test('a confirmed payment gets an email with the order and the stock descriptions, in any order of arrival', () => {
  for (const names of permutations(Object.keys(send) as (keyof typeof send)[])) {
    const driver = testDriver(emailService)
    for (const name of names) send[name](driver)
    assert.deepEqual(
      driver.read(emails).map(({ key, value }) => [key, value]),
      [
        [
          'p1',
          {
            paymentId: 'p1',
            orderId: 'o1',
            customerId: 7,
            subject: 'Your order o1 is paid',
            text: '2 × Blue mug (MUGS) at 1.50\n1 × Brass lamp (LAMPS) at 20.00\nPaid: 23.00 GBP',
          },
        ],
      ],
      names.join(', '),
    )
  }
})

test('nothing that comes later sends a second email', () => {
  const driver = testDriver(emailService)
  for (const name of ['order', 'mugs', 'lamps', 'payment'] as const) send[name](driver)
  assert.equal(driver.read(emails).length, 1)
  driver.send(products, { key: 'MUGS', value: named('MUGS', 'Mug, renamed') })
  send.payment(driver)
  send.order(driver)
  driver.send(orders, { key: 'o1', value: order('o1', lines, 'SHIPPED') })
  assert.deepEqual(driver.read(emails), [])
})

test('a payment that is only authorised gets no email until it is confirmed', () => {
  const driver = testDriver(emailService)
  for (const name of ['order', 'mugs', 'lamps'] as const) send[name](driver)
  driver.send(payments, { key: 'p1', value: { ...payment, status: 'AUTHORISED' } })
  assert.deepEqual(driver.read(emails), [])
  send.payment(driver)
  assert.equal(driver.read(emails).length, 1)
})
