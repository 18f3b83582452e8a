import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  readVarint,
  readVarlong,
  sizeOfVarint,
  sizeOfVarlong,
  varintEnd,
  writeVarint,
  writeVarlong,
} from './varint.ts'

const SMALL: [number, string][] = [
  [0, '00'],
  [-1, '01'],
  [1, '02'],
  [63, '7e'],
  [-64, '7f'],
  [64, '8001'],
  [-65, '8101'],
  [8191, 'fe7f'],
  [-8192, 'ff7f'],
  [8192, '808001'],
  [1048576, '80808001'],
  [134217727, 'feffff7f'],
  [134217728, '8080808001'],
  [2147483647, 'feffffff0f'],
  [-2147483648, 'ffffffff0f'],
]
const LARGE: [number, string][] = [
  [2147483648, '8080808010'],
  [-2147483649, '8180808010'],
  [2 ** 52, '8080808080808010'],
  [Number.MAX_SAFE_INTEGER, 'feffffffffffff1f'],
  [Number.MIN_SAFE_INTEGER, 'fdffffffffffff1f'],
]

test('32-bit varints are zigzag, seven bits a byte', () => {
  for (const [value, hex] of SMALL) {
    const bytes = Buffer.alloc(5)
    assert.equal(bytes.subarray(0, writeVarint(bytes, value, 0)).toString('hex'), hex)
    assert.equal(sizeOfVarint(value), hex.length / 2)
    assert.equal(readVarint(Buffer.from(hex, 'hex'), 0, hex.length / 2), value)
    assert.equal(varintEnd, hex.length / 2)
  }
})

test('64-bit varints are exact over all safe integers', () => {
  for (const [value, hex] of [...SMALL, ...LARGE]) {
    const bytes = Buffer.alloc(10)
    assert.equal(bytes.subarray(0, writeVarlong(bytes, value, 0)).toString('hex'), hex)
    assert.equal(sizeOfVarlong(value), hex.length / 2)
    assert.equal(readVarlong(Buffer.from(hex, 'hex'), 0, hex.length / 2), value)
    assert.equal(varintEnd, hex.length / 2)
  }
})

test('varints that are cut off, too long or too large are malformed', () => {
  const cases: [string, boolean][] = [
    ['', true],
    ['80', true],
    ['ffffffff', true],
    ['ffffffff10', false],
    ['808080808000', false],
    ['8080808080808020', true],
    ['80808080808080808001', true],
    ['ffffffffffffffffffff01', true],
  ]
  for (const [hex, alsoLong] of cases) {
    const bytes = Buffer.from(hex, 'hex')
    assert.throws(() => readVarint(bytes, 0, bytes.length), { code: 'MALFORMED_BYTES' }, hex)
    if (alsoLong) {
      assert.throws(() => readVarlong(bytes, 0, bytes.length), { code: 'MALFORMED_BYTES' }, hex)
    }
  }
})

test('a varint may not reach beyond its limit, even where the buffer goes on', () => {
  const bytes = Buffer.from('8001', 'hex')
  assert.throws(() => readVarint(bytes, 0, 1), { code: 'MALFORMED_BYTES' })
  assert.throws(() => readVarlong(bytes, 0, 1), { code: 'MALFORMED_BYTES' })
})
