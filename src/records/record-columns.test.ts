import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRecords, type RecordColumns } from './record-columns.ts'

/** The fields of one record in hex, spaces between them for the reader, behind the length that they have. */
function record(spaced: string): string {
  const hex = spaced.replaceAll(' ', '')
  return Buffer.from([hex.length]).toString('hex') + hex
}

function parse(hex: string, count = 1): RecordColumns {
  // What lies around the records must never be read as a part of them.
  const bytes = Buffer.from(`00${hex}0000000000000000`, 'hex')
  return parseRecords({
    bytes,
    start: 1,
    end: 1 + hex.length / 2,
    count,
    baseOffset: 100,
    lastOffsetDelta: 9,
    baseTimestamp: 1000,
    appendTimestamp: undefined,
  })
}

test('a record has deltas, key, value and headers, each of which may be empty or null', () => {
  const columns = parse(
    record('00 06 00 04 6b31 02 76 00') +
      record('00 05 04 01 01 00') +
      record('00 00 12 00 00 06 02 61 01 00 00 04 6263 02 ff'),
    3,
  )
  assert.deepEqual(
    [0, 1, 2].map(index => columns.offset(index)),
    [100, 102, 109],
  )
  assert.deepEqual(
    [0, 1, 2].map(index => columns.timestamp(index)),
    [1003, 997, 1000],
  )
  assert.deepEqual(
    [0, 1, 2].map(index => columns.key(index)?.toString()),
    ['k1', undefined, ''],
  )
  assert.deepEqual(
    [0, 1, 2].map(index => columns.value(index)?.toString()),
    ['v', undefined, ''],
  )
  assert.deepEqual(
    [0, 1, 2].map(index => columns.keyLatin1(index)),
    ['k1', null, ''],
  )
  assert.deepEqual(columns.headers(0), [])
  assert.deepEqual(columns.headers(1), [])
  assert.deepEqual(columns.headers(2), [
    { key: 'a', value: null },
    { key: '', value: Buffer.alloc(0) },
    { key: 'bc', value: Buffer.from('ff', 'hex') },
  ])
})

test('records that are not what they claim are refused with the reason', () => {
  const fine = '00 00 00 01 01 00'
  assert.equal(parse(record(fine)).count, 1)
  const cases: [string, string, RegExp][] = [
    ['a record reaches beyond the batch', '0e000000010100', /record 0 claims 7 bytes/],
    ['a record is too short to be one', '0a00000001010000', /record 0 claims 5 bytes/],
    ['a record has a negative length', '01000000010100', /record 0 claims -1 bytes/],
    ['bytes after the headers', record(`${fine} 00`), /record 0 does not fill its 7 bytes/],
    ['bytes after the last record', `${record(fine)}00`, /1 bytes after its last record/],
    ['a key reaches beyond its record', record('00 00 00 08 01 00'), /varint/],
    ['a value reaches beyond its record', record('00 00 00 01 08 00'), /varint/],
    ['a key length below null', record('00 00 00 03 01 00'), /record 0 has a negative length/],
    ['a value length below null', record('00 00 00 01 03 00'), /record 0 has a negative length/],
    ['a header count below zero', record('00 00 00 01 01 01'), /claims -1 headers/],
    ['a header count beyond the record', record('00 00 00 01 01 40'), /claims 32 headers/],
    ['a header without a key', record('00 00 00 01 01 02 01 01'), /the key of a header is null/],
    ['a header value below null', record('00 00 00 01 01 02 00 03'), /a header has a negative length/],
    ['a header reaches beyond its record', record('00 00 00 01 01 02 00 08'), /does not fill/],
    ['an offset delta below zero', record('00 00 01 01 01 00'), /offset delta -1 after -1/],
    ['an offset delta beyond the last', record('00 00 14 01 01 00'), /offset delta 10 after -1/],
    ['a timestamp beyond 2^53', record('00 feffffffffffff1f 00 01 01 00'), /has timestamp 9007199254741992/],
  ]
  for (const [name, hex, message] of cases) {
    assert.throws(() => parse(hex), { code: 'MALFORMED_BYTES', message }, name)
  }
  const repeated = record(fine) + record(fine)
  assert.throws(() => parse(repeated, 2), { code: 'MALFORMED_BYTES', message: /offset delta 0 after 0/ })
})
