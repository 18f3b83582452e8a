import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FieldValue } from './field-value.ts'
import { OTHER } from './field-value.ts'
import { afterPrefix, encodeFieldValue, isCut, keyOfEntry, typeRange, valueOfEntry } from './index-codec.ts'

const long = 'x'.repeat(250)

/** In the order that queries promise, written by hand. */
const ascending: FieldValue[] = [
  null,
  false,
  true,
  Number.NEGATIVE_INFINITY,
  -Number.MAX_VALUE,
  -(2 ** 53),
  -1000.5,
  -1000,
  -1,
  -0.5,
  -Number.MIN_VALUE,
  0,
  Number.MIN_VALUE,
  0.1,
  0.5,
  1,
  1.0000000000000002,
  255,
  256,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  Number.MAX_VALUE,
  Number.POSITIVE_INFINITY,
  '',
  '\0',
  '\0\0',
  '\0a',
  '\x01',
  '\x01\0',
  '\x02',
  'A',
  'a',
  'a\0',
  'a\x01',
  'a ',
  'aa',
  'b',
  long.slice(0, 199),
  long.slice(0, 200),
  '\x7f',
  '\x80',
  'é',
  '\u07ff',
  '\u0800',
  '日本',
  '\ud7ff',
  '\ud83d\ude00',
  '\udfff',
  '\uffff',
  OTHER,
]

test('encoded values are in the order of the values', () => {
  const encoded = ascending.map(encodeFieldValue)
  for (let i = 1; i < encoded.length; i++) {
    assert.ok(
      (encoded[i - 1] as string) < (encoded[i] as string),
      `${String(ascending[i - 1])} before ${String(ascending[i])}`,
    )
  }
})

test('an entry comes apart into value and key, whatever bytes the key has', () => {
  for (const value of [...ascending, long, `${long}y`, '日'.repeat(300), '\0'.repeat(300)]) {
    for (const key of ['', 'k', '\0', '\xff\0\xff', '\x01\x05\x04'.repeat(120)]) {
      const encoded = encodeFieldValue(value)
      assert.equal(valueOfEntry(encoded + key), encoded)
      assert.equal(keyOfEntry(encoded + key), key)
    }
  }
})

test('negative zero is zero, and NaN is refused', () => {
  assert.equal(encodeFieldValue(-0), encodeFieldValue(0))
  assert.throws(() => encodeFieldValue(Number.NaN), { code: 'INVALID_ARGUMENT' })
})

test('strings of more than 200 bytes tie with those that begin alike, and sort after the shorter ones', () => {
  assert.equal(encodeFieldValue(`${long}a`), encodeFieldValue(`${long}b`))
  assert.equal(isCut(encodeFieldValue(long)), true)
  assert.equal(isCut(encodeFieldValue(long.slice(0, 200))), false)
  assert.ok(encodeFieldValue(long.slice(0, 200)) < encodeFieldValue(long))
  assert.ok(encodeFieldValue(long) < encodeFieldValue('y'))
})

test('a prefix range ends right after its last member', () => {
  assert.equal(afterPrefix('a'), 'b')
  assert.equal(afterPrefix('a\xff\xff'), 'b')
  assert.equal(afterPrefix('\xff'), undefined)
})

test('the range of a type holds all its values and none of another', () => {
  const typeOf = (value: FieldValue) => (value === null ? 'null' : typeof value)
  for (const value of ascending.filter(one => one !== OTHER && one !== null)) {
    const [from, to] = typeRange(encodeFieldValue(value))
    for (const other of ascending) {
      const encoded = encodeFieldValue(other)
      assert.equal(
        encoded >= from && encoded < to,
        typeOf(other) === typeOf(value),
        `${String(value)} ${String(other)}`,
      )
    }
  }
})
