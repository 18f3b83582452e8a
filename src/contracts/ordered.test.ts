import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Codec } from './codec.ts'
import { boolean, bytes, double, int32, int64, string } from './codecs.ts'
import { json } from './json.ts'
import { ordered, tuple } from './ordered.ts'

const numbers = [-(2 ** 31), -70_000, -256, -2, -1, 0, 1, 2, 127, 128, 255, 256, 70_000, 2 ** 31 - 1]
const large = [-(2 ** 53 - 1), -(2 ** 40), ...numbers, 2 ** 32, 2 ** 40, 2 ** 53 - 1]
const fractions = [-Infinity, -1e300, -1.5, -1, -1e-300, -0, 0, 5e-324, 0.1, 1, 1.5, 1e300, Infinity]
const texts = ['', '\0', '\0\0', '\0a', '\x01', 'a', 'a\0', 'a\0b', 'a\x01', 'ab', 'b', 'é', '世', '😀']

/** Values in ascending order. */
const cases: { readonly codec: Codec<unknown>; readonly values: readonly unknown[] }[] = [
  { codec: ordered(int32), values: numbers },
  { codec: ordered(int64), values: large },
  { codec: ordered(double), values: fractions },
  { codec: string, values: texts },
  { codec: boolean, values: [false, true] },
  {
    codec: tuple(string, int64, string),
    values: texts.flatMap(a => [-300, -1, 0, 7].flatMap(b => texts.slice(0, 8).map(c => [a, b, c]))),
  },
  {
    codec: tuple(double, boolean, tuple(int32, string)),
    values: fractions.flatMap(a =>
      [false, true].flatMap(b => [-5, 0, 5].flatMap(c => texts.map(d => [a, b, [c, d]]))),
    ),
  },
]

for (const { codec, values } of cases) {
  test(`the bytes of ${codec.name} stand in the order of the values, and come back`, () => {
    assert.equal(codec.order, 'bytes')
    const encoded = values.map(value => Buffer.from(codec.encode(value)))
    for (const [i, each] of encoded.entries()) {
      assert.deepEqual(codec.decode(each), values[i])
      const before = encoded[i - 1]
      if (before !== undefined) {
        assert.equal(Buffer.compare(before, each), -1, `${String(values[i - 1])} before ${String(values[i])}`)
      }
    }
  })
}

test('numbers of 0 and more are in order by themselves, as their codecs say', () => {
  for (const codec of [int32, int64, double]) {
    assert.equal(codec.order, 'nonNegative')
    const encoded = numbers.filter(number => number >= 0).map(number => codec.encode(number))
    assert.deepEqual(
      encoded.toSorted((a, b) => Buffer.compare(a, b)),
      encoded,
    )
  }
})

test('a prefix is of all tuples that begin with its parts, and of no others', () => {
  const codec = tuple(string, int32, bytes)
  const values: [string, number, Buffer][] = ['a', 'a\0', 'ab', ''].flatMap(a =>
    [-1, 1].map(b => [a, b, Buffer.of(0, 1)] as [string, number, Buffer]),
  )
  const beginning = (prefix: Buffer) =>
    values
      .filter(value => codec.encode(value).subarray(0, prefix.length).equals(prefix))
      .map(([a, b]) => [a, b])
  assert.deepEqual(beginning(codec.prefix('a')), [
    ['a', -1],
    ['a', 1],
  ])
  assert.deepEqual(beginning(codec.prefix('', 1)), [['', 1]])
  assert.equal(beginning(codec.prefix()).length, values.length)
})

test('what has no order, or is no tuple, is refused', () => {
  assert.throws(() => ordered(json()), /"json" has no form that keeps the order/)
  const codec = tuple(string, int32)
  assert.throws(() => codec.encode(['a'] as unknown as [string, number]), /1 parts instead of 2/)
  const whole = codec.encode(['a', 1])
  assert.throws(() => codec.decode(whole.subarray(0, -1)), /the bytes end within a part/)
  assert.throws(() => codec.decode(Buffer.concat([whole, Buffer.of(0)])), /bytes follow the last part/)
  assert.throws(() => codec.decode(Buffer.from('abc')), /a part of it has no end/)
  assert.throws(() => codec.decode(Buffer.from('a\0\x05bcdefg')), /a part of it has no end/)
})
