import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import { testDriver } from '../../src/testing/test-driver.ts'

const products = topic('products', { key: string, value: string })
const sales = topic('sales', { key: string, value: string })
const output = topic('out', { key: string, value: string })
const options = { value: string } as const

function shop() {
  const builder = new StreamsBuilder()
  const all = builder.globalTable(products)
  const named = all
    .filter((product, key) => !product.startsWith('retired') && key !== 'secret')
    .map((product, key) => (product === 'nameless' ? null : `${key}: ${product}`), options)
  const stream = builder.stream(sales)
  return { builder, all, named, stream }
}

test('a stream joins the rows that the filter leaves, as the mapper makes them', () => {
  const { builder, named, stream } = shop()
  stream
    .leftJoinGlobal(
      named,
      product => product,
      (_, name) => name ?? '-',
      options,
    )
    .to(output)
  const driver = testDriver(builder)
  const sell = (product: string) => {
    driver.send(sales, { key: 's', value: product })
    return driver.read(output).map(({ value }) => value)[0]
  }
  driver.send(products, { key: 'p', value: 'pen' })
  driver.send(products, { key: 'secret', value: 'pen' })
  driver.send(products, { key: 'n', value: 'nameless' })
  assert.deepEqual(['p', 'secret', 'n', 'none'].map(sell), ['p: pen', '-', '-', '-'])
  driver.send(products, { key: 'n', value: 'nail' })
  driver.send(products, { key: 'p', value: 'retired pen' })
  assert.deepEqual(['p', 'n'].map(sell), ['-', 'n: nail'])
  driver.send(products, { key: 'n', value: null })
  assert.equal(sell('n'), '-')
})

test('only rows that somebody reads are kept', () => {
  const keptOf = (use: (shopOf: ReturnType<typeof shop>) => void) => {
    const made = shop()
    use(made)
    made.stream.to(output)
    return made.builder.build('app').globalTables.map(({ store }) => store.name.replace(/-.*/, ''))
  }
  assert.deepEqual(
    keptOf(() => {}),
    ['products'],
  )
  assert.deepEqual(
    keptOf(({ named }) => named.view('named')),
    ['GLOBALKTABLE'],
  )
  assert.deepEqual(
    keptOf(({ all, named }) => [all.view('all'), named.view('named')]),
    ['products', 'GLOBALKTABLE'],
  )
  assert.deepEqual(
    keptOf(({ all }) => all.filter(() => true, { store: 'kept' })),
    ['kept'],
  )
})

test('views show the rows of the table that they are of', () => {
  const { builder, all, named, stream } = shop()
  const views = [all.view('all'), named.view('named')]
  stream.to(output)
  const driver = testDriver(builder)
  for (const [key, value] of [
    ['p', 'pen'],
    ['q', 'retired quill'],
  ] as const) {
    driver.send(products, { key, value })
  }
  assert.deepEqual(
    views.map(view => driver.rows(view).map(({ value }) => value)),
    [['pen', 'retired quill'], ['p: pen']],
  )
})
