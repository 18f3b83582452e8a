import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  covers,
  filterPosition,
  formatPosition,
  mergePositions,
  offsetAt,
  parsePosition,
  type Position,
  positionAfter,
} from './position.ts'

test('positions have one text each', () => {
  const cases: [Position, string][] = [
    [{}, ''],
    [{ orders: { 0: 12, 3: 44 }, payments: { 1: 5 } }, 'orders:0=12,3=44;payments:1=5'],
    [{ payments: { 1: 5 }, orders: { 3: 44, 0: 12 } }, 'orders:0=12,3=44;payments:1=5'],
    [{ a: { 0: Number.MAX_SAFE_INTEGER } }, 'a:0=9007199254740991'],
    [{ a: {} }, ''],
  ]
  for (const [position, text] of cases) {
    assert.equal(formatPosition(position), text)
    assert.equal(formatPosition(parsePosition(text)), text)
  }
  assert.deepEqual(parsePosition('orders:0=12,3=44;payments:1=5'), {
    orders: { 0: 12, 3: 44 },
    payments: { 1: 5 },
  })
})

test('a topic may be called as it likes', () => {
  const position = mergePositions(
    parsePosition('__proto__:0=1;constructor:0=2'),
    positionAfter('__proto__', 0, 4),
  )
  assert.equal(formatPosition(position), '__proto__:0=5;constructor:0=2')
  assert.equal(offsetAt({}, '__proto__', 0), 0)
  assert.equal(offsetAt({}, 'constructor', 0), 0)
})

test('text of another form is refused', () => {
  const texts = ['orders', 'orders:', 'orders:0', 'orders:0=', 'orders:-1=2', 'orders:0=-2', 'orders:0=1,0=2']
  texts.push(
    'orders:0=1;',
    ';',
    'orders:0=1;orders:1=1',
    'a/b:0=1',
    'orders:0=01',
    'orders:0=9007199254740992',
  )
  texts.push('orders:0=1, 1=2', 'orders:1e3=1', 'orders:0=1,', ' ')
  for (const text of texts) assert.throws(() => parsePosition(text), { code: 'INVALID_ARGUMENT' }, text)
})

test('a position covers what is at or below it', () => {
  const here = parsePosition('orders:0=12,3=44;payments:1=5')
  const cases: [string, boolean][] = [
    ['', true],
    ['orders:0=12', true],
    ['orders:0=12,3=44;payments:1=5', true],
    ['orders:0=13', false],
    ['orders:1=1', false],
    ['orders:1=0', true],
    ['other:0=1', false],
  ]
  for (const [wanted, covered] of cases) assert.equal(covers(here, parsePosition(wanted)), covered, wanted)
  assert.equal(covers(here, positionAfter('orders', 0, 11)), true)
  assert.equal(covers(here, positionAfter('orders', 0, 12)), false)
})

test('the merge is the smallest position that covers all', () => {
  const merged = mergePositions(parsePosition('a:0=1,1=5'), parsePosition('a:0=3;b:0=1'), {})
  assert.equal(formatPosition(merged), 'a:0=3,1=5;b:0=1')
  assert.equal(
    formatPosition(filterPosition(merged, (topic, partition) => topic === 'a' && partition === 1)),
    'a:1=5',
  )
})
