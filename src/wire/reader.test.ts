import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reader } from './reader.ts'

const reader = (hex: string) => new Reader(Buffer.from(hex, 'hex'))

test('64-bit integers are exact up to 2^53, and refused beyond, but for the largest', () => {
  const cases: [string, number][] = [
    ['0000000000000000', 0],
    ['ffffffffffffffff', -1],
    ['001fffffffffffff', Number.MAX_SAFE_INTEGER],
    ['ffe0000000000001', Number.MIN_SAFE_INTEGER],
    ['00000000ffffffff', 0xffffffff],
    ['7fffffffffffffff', 2 ** 63],
  ]
  for (const [hex, value] of cases) assert.equal(reader(hex).int64(), value)
  for (const hex of ['0020000000000000', 'ffe0000000000000', '8000000000000000', '7000000000000000']) {
    assert.throws(() => reader(hex).int64(), { code: 'MALFORMED_BYTES' }, hex)
  }
})

test('unsigned varints hold 32 bits and no more', () => {
  const cases: [string, number][] = [
    ['00', 0],
    ['7f', 127],
    ['8001', 128],
    ['ffffffff0f', 0xffffffff],
  ]
  for (const [hex, value] of cases) assert.equal(reader(hex).unsignedVarint(), value)
  for (const hex of ['', '80', 'ffffffff1f', '808080808000']) {
    assert.throws(() => reader(hex).unsignedVarint(), { code: 'MALFORMED_BYTES' }, hex)
  }
})

test('text that is not UTF-8 is refused, a replacement character that was sent is not', () => {
  assert.equal(reader('6e61c3af7665').string(6), 'naïve')
  assert.equal(reader('efbfbd').string(3), '\uFFFD')
  for (const hex of ['ff', 'c3', 'c328', 'eda080', 'f8808080']) {
    assert.throws(() => reader(hex).string(hex.length / 2), { code: 'MALFORMED_BYTES' }, hex)
  }
})

test('no read goes beyond the end, and a refused one moves nothing', () => {
  const reads: ((from: Reader) => unknown)[] = [
    from => from.int8(),
    from => from.int16(),
    from => from.uint16(),
    from => from.int32(),
    from => from.uint32(),
    from => from.int64(),
    from => from.float64(),
    from => from.uuid(),
    from => from.string(1),
    from => from.bytes(1),
    from => from.bytes(-1),
    from => from.skip(0xffffffff),
  ]
  for (const read of reads) {
    const empty = new Reader(Buffer.from('cafe'), 2)
    empty.skip(2)
    assert.throws(() => read(empty), { code: 'MALFORMED_BYTES' })
    assert.equal(empty.position, 4)
    assert.equal(empty.remaining, 0)
  }
})
