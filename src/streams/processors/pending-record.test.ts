import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isEvertError } from '../../errors.ts'
import { int64, string } from '../../contracts/codecs.ts'
import { type PendingRecord, pendingRecord } from './pending-record.ts'

const codec = pendingRecord(string, int64)

const cases: Record<string, PendingRecord> = {
  'everything there': {
    key: Buffer.from('k'),
    value: Buffer.from([0, 255]),
    headers: [
      { key: 'ü', value: Buffer.from('1') },
      { key: 'none', value: null },
    ],
    source: { topic: 'bestellungen', partition: 7, offset: 2 ** 40 + 1 },
  },
  'nothing there': { key: null, value: null, headers: [], source: undefined },
  'empty key and value': {
    key: Buffer.alloc(0),
    value: Buffer.alloc(0),
    headers: [],
    source: { topic: 't', partition: 0, offset: 0 },
  },
}

for (const [name, record] of Object.entries(cases)) {
  test(`a pending record with ${name} comes back as it was`, () => {
    assert.deepEqual(codec.decode(codec.encode(record)), record)
  })
}

test('its name tells what key and value are', () => {
  assert.equal(codec.name, 'pending-string-int64')
})

test('the layout is that of the table', () => {
  const record = {
    key: Buffer.from('k'),
    value: Buffer.from('v'),
    headers: [],
    source: { topic: 't', partition: 1, offset: 2 },
  }
  assert.equal(
    codec.encode(record).toString('hex'),
    ['000000016b', '0000000174', '00000001', '0000000000000002', '00000000', '01', '76'].join(''),
  )
})

test('bytes that are cut short are refused', () => {
  const bytes = codec.encode({ key: Buffer.from('key'), value: null, headers: [], source: undefined })
  for (let length = 0; length < bytes.length - 1; length++) {
    assert.throws(() => codec.decode(bytes.subarray(0, length)), isEvertError)
  }
})
