import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Codec } from './codec.ts'
import { boolean, bytes, double, int32, int64, string } from './codecs.ts'

/** Values and the bytes that the serializers of kafka-clients write for them. */
const known: [codec: Codec<unknown>, value: unknown, hex: string][] = [
  [string, '', ''],
  [string, 'é😀\0', 'c3a9f09f988000'],
  [string, '\ufffd', 'efbfbd'],
  [bytes, Buffer.of(0, 255), '00ff'],
  [int32, 0, '00000000'],
  [int32, -1, 'ffffffff'],
  [int32, 2147483647, '7fffffff'],
  [int32, -2147483648, '80000000'],
  [int64, 0, '0000000000000000'],
  [int64, 1, '0000000000000001'],
  [int64, -1, 'ffffffffffffffff'],
  [int64, 4294967296, '0000000100000000'],
  [int64, -4294967297, 'fffffffeffffffff'],
  [int64, 9007199254740991, '001fffffffffffff'],
  [int64, -9007199254740991, 'ffe0000000000001'],
  [double, 1.5, '3ff8000000000000'],
  [double, -0, '8000000000000000'],
  [double, Number.POSITIVE_INFINITY, '7ff0000000000000'],
  [boolean, true, '01'],
  [boolean, false, '00'],
]

test('codecs write the bytes that Kafka writes, and read them back', () => {
  for (const [codec, value, hex] of known) {
    assert.equal(codec.encode(value).toString('hex'), hex, `${codec.name} ${String(value)}`)
    assert.deepStrictEqual(codec.decode(Buffer.from(hex, 'hex')), value)
  }
})

test('NaN passes through double', () => {
  assert.ok(Number.isNaN(double.decode(double.encode(Number.NaN))))
})

test('decoded bytes are a copy', () => {
  const batch = Buffer.from('abc')
  const value = bytes.decode(batch.subarray(1))
  batch.fill(0)
  assert.equal(value.toString(), 'bc')
})

const refusedValues: [codec: Codec<unknown>, value: unknown, message: RegExp][] = [
  [string, 5, /"string".*a string was expected and number 5 found/],
  [string, '\ud800', /lone surrogate/],
  [bytes, 'text', /a Buffer was expected and "text" found/],
  [int32, 2147483648, /whole number from -2147483648 to 2147483647 was expected and number 2147483648 found/],
  [int32, 1.5, /number 1.5/],
  [int32, '1', /"1"/],
  [int64, 2 ** 53, /whole number from -\(2\^53 - 1\)/],
  [int64, Number.NaN, /NaN/],
  [int64, 1n, /bigint 1/],
  [double, null, /null found/],
  [boolean, 1, /a boolean was expected/],
]

test('values of another type are refused with what was expected and what was found', () => {
  for (const [codec, value, message] of refusedValues) {
    assert.throws(() => codec.encode(value), { code: 'INVALID_VALUE', message })
  }
})

const refusedBytes: [codec: Codec<unknown>, hex: string, message: RegExp][] = [
  [string, 'ff', /not UTF-8/],
  [string, 'eda080', /not UTF-8/],
  [int32, '000000', /4 bytes were expected and 3 found/],
  [int64, '00', /8 bytes were expected and 1 found/],
  [int64, '0020000000000000', /9007199254740992 is beyond 2\^53/],
  [int64, '8000000000000000', /-9223372036854775808 is beyond/],
  [double, '', /8 bytes were expected and 0 found/],
  [boolean, '02', /the byte is 2/],
  [boolean, '', /1 byte was expected and 0 found/],
]

test('bytes that are not of the format are refused', () => {
  for (const [codec, hex, message] of refusedBytes) {
    assert.throws(() => codec.decode(Buffer.from(hex, 'hex')), { code: 'INVALID_VALUE', message })
  }
})
