import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyPart, numberPart, readTimePart, TIME_LENGTH, timePart } from './key-parts.ts'

const TIMES = [0, 1, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 1.7e12, Number.MAX_SAFE_INTEGER]

test('times come back from their parts, which have one length', () => {
  for (const time of TIMES) {
    assert.equal(timePart(time).length, TIME_LENGTH)
    assert.equal(readTimePart(`ab${timePart(time)}`, 2), time)
  }
})

test('parts of times are big-endian bytes, in the order of the times', () => {
  assert.equal(timePart(0x01_0203_0405), '\0\0\0\x01\x02\x03\x04\x05')
  const parts = TIMES.map(timePart)
  assert.deepEqual(parts.toSorted(), parts)
})

test('a time before the epoch is the epoch', () => {
  assert.equal(timePart(-5), timePart(0))
})

test('no part of a key is the beginning of another', () => {
  assert.equal(keyPart('abc'), '\0\0\0\x03abc')
  assert.ok(!keyPart('abc').startsWith(keyPart('ab')))
  assert.equal(keyPart('x'.repeat(300)).slice(0, 4), '\0\0\x01\x2c')
})

test('parts of numbers are in the order of the numbers, or the other way round', () => {
  const numbers = [
    -Infinity,
    -1e300,
    -2,
    -1.5,
    -1,
    -5e-324,
    0,
    5e-324,
    1,
    1.5,
    2,
    255,
    256,
    2 ** 53,
    1e300,
    Infinity,
  ]
  const ascending = numbers.map(number => numberPart(number, false))
  assert.deepEqual(ascending.toSorted(), ascending)
  assert.equal(new Set(ascending).size, numbers.length)
  const descending = numbers.map(number => numberPart(number, true))
  assert.deepEqual(descending.toSorted(), descending.toReversed())
  assert.ok([...ascending, ...descending].every(part => part.length === 8 && part < '\xff\xff'))
  assert.equal(numberPart(-0, false), numberPart(0, false))
})
