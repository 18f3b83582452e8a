import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { string, topic } from 'evert'
import { testDriver } from 'evert/testing'
import { CogroupedKStream } from '../../src/streams/dsl/cogrouped-kstream.ts'
import { GlobalKTable } from '../../src/streams/dsl/global-ktable.ts'
import { KGroupedStream } from '../../src/streams/dsl/kgrouped-stream.ts'
import { KGroupedTable } from '../../src/streams/dsl/kgrouped-table.ts'
import { KStream } from '../../src/streams/dsl/kstream.ts'
import { KTable } from '../../src/streams/dsl/ktable.ts'
import { SessionKStream } from '../../src/streams/dsl/session-kstream.ts'
import { WindowedKStream } from '../../src/streams/dsl/windowed-kstream.ts'
import * as deduplicate from './operators/deduplicate.ts'
import * as expiry from './operators/expiry.ts'
import * as global from './operators/global.ts'
import * as intervalJoin from './operators/interval-join.ts'
import * as tables from './operators/join-tables.ts'
import * as top from './operators/top.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/operators.md'), 'utf8')

test('the examples of docs/operators.md are files that run', () => {
  const blocks = Array.from(page.matchAll(/```ts\n(.*?)```/gs), ([, code]) => code)
  const files = ['deduplicate', 'expiry', 'join-tables', 'top', 'global', 'interval-join'].map(file =>
    readFileSync(join(import.meta.dirname, 'operators', `${file}.ts`), 'utf8'),
  )
  assert.deepEqual(blocks, files)
})

test('every operator is on the page', () => {
  // Of those, `keyed` is for operators over several streams.
  const inner = new Set(['constructor', 'keyed'])
  const missing = [
    KStream,
    KTable,
    KGroupedStream,
    KGroupedTable,
    WindowedKStream,
    SessionKStream,
    CogroupedKStream,
    GlobalKTable,
  ].flatMap(each =>
    Object.getOwnPropertyNames(each.prototype).filter(
      name => !inner.has(name) && !page.includes(`\`${name}\``) && !page.includes(`\`${name}(`),
    ),
  )
  assert.deepEqual([...new Set(missing)], [], 'add them to docs/operators.md')
})

test('deduplicate: a request that is sent twice is paid once', () => {
  const { builder, payments, accepted } = deduplicate
  const driver = testDriver(builder)
  for (const timestamp of [0, 1_000, 700_000]) {
    driver.send(payments, { key: 'account', value: { requestId: 'r1', cents: 5 }, timestamp })
  }
  assert.deepEqual(
    driver.read(accepted).map(({ timestamp }) => timestamp),
    [0, 700_000],
  )
})

test('expiry: a device that is silent for a minute goes, one that says nothing new stays', () => {
  const { builder, heartbeats, changes, online } = expiry
  const driver = testDriver(builder)
  const beat = (key: string, timestamp: number) =>
    driver.send(heartbeats, { key, value: { state: 'well' }, timestamp })
  beat('a', 0)
  for (let at = 0; at <= 120_000; at += 30_000) beat('b', at)
  assert.deepEqual(
    driver.read(changes).map(({ key, value }) => [key, value?.state ?? null]),
    [
      ['a', 'well'],
      ['b', 'well'],
      ['a', null],
    ],
  )
  assert.deepEqual(
    driver.rows(online).map(({ key }) => key),
    ['b'],
  )
})

test('joinTables: an order and its payment make a row, with a shipment or without', () => {
  const { builder, orders, payments, shipments, overview } = tables
  const driver = testDriver(builder)
  driver.send(orders, { key: '1', value: { product: 'pen' } })
  assert.equal(driver.row(overview, '1'), undefined)
  driver.send(payments, { key: '1', value: 250 })
  assert.deepEqual(driver.row(overview, '1')?.value, { product: 'pen', cents: 250, carrier: null })
  driver.send(shipments, { key: '1', value: 'bike' })
  assert.equal(driver.row(overview, '1')?.value.carrier, 'bike')
})

test('top: the two best products of a category', () => {
  const { builder, products, names } = top
  const output = topic('best', { key: string, value: string })
  names.to(output)
  const driver = testDriver(builder)
  for (const [name, sold] of [
    ['pen', 5],
    ['ink', 9],
    ['pad', 7],
    ['ink', 1],
  ] as const) {
    driver.send(products, { key: name, value: { name, category: 'office', sold } })
  }
  assert.deepEqual(
    driver.read(output).map(({ value }) => value),
    ['pen', 'ink, pen', 'ink, pad', 'pad, pen'],
  )
})

test('global: a sale gets the name of its product, unless that is retired', () => {
  const { builder, products, sales, named } = global
  const driver = testDriver(builder)
  driver.send(products, { key: 'p', value: { name: 'pen', retired: false } })
  driver.send(products, { key: 'q', value: { name: 'quill', retired: true } })
  for (const value of ['p', 'q']) driver.send(sales, { key: 's', value })
  assert.deepEqual(
    driver.read(named).map(({ value }) => value),
    ['pen'],
  )
})

test('interval join: a purchase from one to ten seconds after a login', () => {
  const { builder, logins, purchases, hasty } = intervalJoin
  const driver = testDriver(builder)
  driver.send(logins, { key: 'u', value: 'phone', timestamp: 0 })
  for (const timestamp of [500, 1_000, 10_000, 10_001]) {
    driver.send(purchases, { key: 'u', value: `p${timestamp}`, timestamp })
  }
  assert.deepEqual(
    driver.read(hasty).map(({ value }) => value),
    ['p1000 from phone', 'p10000 from phone'],
  )
})
