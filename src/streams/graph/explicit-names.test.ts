import assert from 'node:assert/strict'
import { test } from 'node:test'
import { app, int64, string, topic } from '../../index.ts'
import type { App, EvertError } from '../../index.ts'

const orders = topic('orders', { key: string, value: string })
const customers = topic('customers', { key: string, value: string })
const within = { beforeMs: 10, afterMs: 10, graceMs: 0 }
const both = (left: string | null, right: string | null) => `${left}${right}`
const value = { value: string }

function errorOf(define: (shop: App) => void): EvertError {
  const shop = app('shop', { explicitNames: true })
  define(shop)
  let refusal: unknown
  assert.throws(
    () => shop.topology(),
    error => {
      refusal = error
      return true
    },
  )
  return refusal as EvertError
}

test('one error lists every generated name, its operator, and what to write', () => {
  const error = errorOf(shop => {
    const stream = shop.stream(orders)
    stream.groupBy(order => order).count()
    stream.selectKey(order => order).join(shop.table(customers), both, value)
    stream.outerJoin(shop.stream(topic('more', { key: string, value: string })), both, { within, ...value })
    stream.groupByKey().count({ store: 'by-key' }).suppressUntilTimeLimit(10)
    stream.mapAsync(async order => order)
    shop.globalTable(topic('prices', { key: string, value: int64 }))
  })
  assert.equal(error.code, 'INVALID_TOPOLOGY')
  const lines = error.message.split('\n')
  assert.match(lines[0] ?? '', /"shop" asks for explicit names, and \d+ places/)
  const line = (beginning: string) => lines.find(each => each.startsWith(`  - ${beginning}`))
  const store = 'KSTREAM-AGGREGATE-STATE-STORE-0000000002'
  assert.equal(
    line(`store ${store}`),
    `  - store ${store} and its changelog topic shop-${store}-changelog, made by KSTREAM-AGGREGATE-0000000003: ` +
      "give the aggregate { store: 'NAME' }, or end in .view('NAME')",
  )
  assert.match(
    line(`repartition topic shop-${store}-repartition`) ?? '',
    /made by KSTREAM-KEY-SELECT-0000000001: name the grouping, groupBy\(…, \{ name: 'NAME' \}\)/,
  )
  assert.match(line('repartition topic shop-KSTREAM-KEY-SELECT-0000000007-rep') ?? '', /name the join behind/)
  assert.match(line('store customers-STATE-STORE-') ?? '', /: table\(topic, \{ store: 'NAME' \}\)/)
  for (const join of ['OUTERTHIS', 'OUTEROTHER', 'OUTERSHARED']) {
    assert.match(line(`store KSTREAM-${join}-`) ?? '', /: join\(…, \{ name: 'NAME', within \}\)/)
  }
  assert.match(line('store KSTREAM-MAPASYNC-') ?? '', /: mapAsync\(…, \{ name: 'NAME' \}\)/)
  assert.match(line('store KTABLE-SUPPRESS-') ?? '', /: give the suppress… call \{ name: 'NAME' \}/)
  assert.match(line('store prices-STATE-STORE-') ?? '', /of the global table of "prices": globalTable/)
  assert.equal(line('store by-key'), undefined)
})

test('what the error asks for is enough', () => {
  const shop = app('shop', { explicitNames: true })
  const stream = shop.stream(orders)
  stream
    .groupBy(order => order)
    .count()
    .view('by-order')
  stream
    .selectKey(order => order)
    .join(shop.table(customers, { store: 'customers' }), both, { name: 'with-customer', ...value })
  stream.leftJoin(shop.stream(topic('more', { key: string, value: string })), both, {
    within,
    name: 'with-more',
    ...value,
  })
  stream.groupByKey().count({ store: 'by-key' }).suppressUntilTimeLimit(10, { name: 'calm' })
  stream
    .mapAsync(async order => order, { name: 'ask', ...value })
    .selectKey(order => order)
    .repartition({ name: 'again' })
    .toTable({ store: 'latest' })
  shop
    .table(topic('lines', { key: string, value: string }), { store: 'lines' })
    .joinByForeignKey(
      shop.table(topic('items', { key: string, value: string }), { store: 'items' }),
      line => line,
      both,
      { name: 'with-item', store: 'lines-with-items', ...value },
    )
  shop.globalTable(topic('prices', { key: string, value: int64 }), { store: 'prices' })
  assert.deepEqual(shop.topology().generatedNames, [])
})

test('an option of app that does not exist is refused', () => {
  assert.throws(() => app('shop', { explicitName: true } as never), {
    code: 'INVALID_ARGUMENT',
    message: /app has no option "explicitName"/,
  })
})
