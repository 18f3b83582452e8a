import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { string } from '../../src/contracts/codecs.ts'
import { json } from '../../src/contracts/json.ts'
import { topic } from '../../src/contracts/topic.ts'
import { seededRandom } from '../../src/internal/random.ts'
import type { TopOptions } from '../../src/streams/dsl/group-top.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import { type TestDriver, testDriver } from '../../src/testing/test-driver.ts'

const Product = z.object({ category: z.string(), sold: z.number(), name: z.string() })
type Product = z.infer<typeof Product>
const products = topic('products', { key: string, value: json(Product) })
const tops = topic('tops', { key: string, value: json(z.array(Product).readonly()) })

function tableTop(limit: number, options: Partial<TopOptions<Product>> = {}): TestDriver {
  const builder = new StreamsBuilder()
  builder
    .table(products)
    .groupBy(product => product.category)
    .top(limit, { by: product => product.sold, store: 'top', ...options })
    .toStream()
    .to(tops)
  return testDriver(builder)
}

function streamTop(limit: number): TestDriver {
  const builder = new StreamsBuilder()
  builder
    .stream(products)
    .groupBy(product => product.category)
    .top(limit, { by: product => product.sold, store: 'top' })
    .toStream()
    .to(tops)
  return testDriver(builder)
}

/** `id category sold`, or `id -`; what goes out, as `category timestamp: id=sold …`. */
function send(driver: TestDriver, record: string, timestamp: number): string[] {
  const [id, category, sold] = record.split(' ') as [string, string, string]
  const value = category === '-' ? null : { category, sold: Number(sold), name: id }
  driver.send(products, { key: id, value, timestamp })
  return driver
    .read(tops)
    .map(({ key, value: top, timestamp: at }) => `${key} ${at}: ${top === null ? '-' : listed(top)}`)
}

function listed(top: readonly Product[]): string {
  return top.map(({ name, sold }) => `${name}=${sold}`).join(' ')
}

function check(driver: TestDriver, steps: readonly (readonly [string, string[]])[]): void {
  for (const [at, [record, expected]] of steps.entries()) {
    assert.deepEqual(send(driver, record, at), expected, `${at}: ${record}`)
  }
}

test('the list of a group goes out when it changes, and the next row moves up when one leaves', () => {
  check(tableTop(2), [
    ['a x 5', ['x 0: a=5']],
    ['b x 7', ['x 1: b=7 a=5']],
    ['c x 6', ['x 2: b=7 c=6']],
    ['d x 1', []],
    ['a x 2', []],
    ['b x 6.5', ['x 5: b=6.5 c=6']],
    ['b x 1.5', ['x 6: c=6 a=2']],
    ['c -', ['x 7: a=2 b=1.5']],
    ['a y 2', ['x 8: b=1.5 d=1', 'y 8: a=2']],
    ['b -', ['x 9: d=1']],
    ['d -', ['x 10: -']],
    ['a -', ['y 11: -']],
    ['a -', []],
  ])
})

test('the least come first when asked for; ranks below zero are in order too', () => {
  check(tableTop(3, { order: 'asc' }), [
    ['a x 0', ['x 0: a=0']],
    ['b x -1.5', ['x 1: b=-1.5 a=0']],
    ['c x -200', ['x 2: c=-200 b=-1.5 a=0']],
    ['d x 3', []],
    ['e x -2', ['x 4: c=-200 e=-2 b=-1.5']],
    ['c x 1e300', ['x 5: e=-2 b=-1.5 a=0']],
  ])
})

test('a row that is written again unchanged changes nothing', () => {
  check(tableTop(2), [
    ['a x 5', ['x 0: a=5']],
    ['a x 5', []],
    ['b x 5', ['x 2: a=5 b=5']],
    ['b x 5', []],
  ])
})

test('rows that are alike count as often as they are there', () => {
  const builder = new StreamsBuilder()
  builder
    .table(products)
    .groupBy(product => ['all', { ...product, name: 'same' }] as const, { key: string, value: json(Product) })
    .top(2, { by: product => product.sold })
    .toStream()
    .to(tops)
  check(testDriver(builder), [
    ['a x 5', ['all 0: same=5']],
    ['b x 5', ['all 1: same=5 same=5']],
    ['c x 5', []],
    ['a -', []],
    ['b x 4', ['all 4: same=5 same=4']],
  ])
})

test('of a stream the first of all values stay, and no others are kept', () => {
  const driver = streamTop(2)
  check(driver, [
    ['a x 5', ['x 0: a=5']],
    ['a x 6', ['x 1: a=6 a=5']],
    ['b x 4', []],
    ['b x 5', []],
    ['c x 9', ['x 4: c=9 a=6']],
    ['c x 9', ['x 5: c=9 c=9']],
    ['d x 9', []],
  ])
  assert.equal(driver.rows('top-members').length, 1)
})

const seed = Number(process.env.EVERT_SEED ?? Math.floor(Math.random() * 2 ** 31))

test(`the list is always what sorting the group gives (EVERT_SEED=${seed})`, () => {
  const random = seededRandom(seed)
  const below = (limit: number) => Math.floor(random() * limit)
  for (let round = 0; round < 4; round++) {
    const limit = 1 + below(5)
    const driver = tableTop(limit)
    const rows = new Map<string, Product>()
    const shown = new Map<string, string>()
    for (let at = 0; at < 1_500; at++) {
      const id = String.fromCharCode(97 + below(26)) + below(3)
      const product = { category: 'xyz'[below(3)] as string, sold: below(40) - 20, name: long(id, below(8)) }
      const isGone = below(5) === 0
      if (isGone) rows.delete(id)
      else rows.set(id, product)
      driver.send(products, { key: id, value: isGone ? null : product, timestamp: at })
      const before = new Map(shown)
      for (const { key, value } of driver.read(tops)) {
        const now = value === null ? '' : JSON.stringify(value)
        assert.notEqual(now, shown.get(key as string) ?? '', 'a list goes out only when it differs')
        shown.set(key as string, now)
      }
      for (const category of 'xyz') {
        const sorted = [...rows.values()]
          .filter(row => row.category === category)
          .toSorted((a, b) => b.sold - a.sold || (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
          .slice(0, limit)
        const expected = sorted.length === 0 ? '' : JSON.stringify(sorted)
        assert.equal(shown.get(category) ?? '', expected, `step ${at}, before: ${before.get(category)}`)
      }
    }
  }
})

/** Some rows are longer than what their place in the order holds. */
function long(id: string, kind: number): string {
  return kind === 0 ? id + 'n'.repeat(300) : id
}

test('what cannot be ranked is refused', () => {
  const driver = tableTop(1, { by: () => Number.NaN, name: 'best' })
  assert.throws(() => send(driver, 'a x 1', 0), {
    code: 'TASK_FAILED',
    message: /"best" orders rows by a number/,
  })
  assert.throws(() => tableTop(0), { code: 'INVALID_TOPOLOGY', message: /whole, 1 or more; got 0/ })
  assert.throws(() => tableTop(1, { order: 'up' as 'asc' }), { code: 'INVALID_TOPOLOGY' })
})
