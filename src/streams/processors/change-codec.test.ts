import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../../contracts/codecs.ts'
import { cellOf } from './cell.ts'
import { decodeChange, encodeChange } from './change-codec.ts'
import { StreamRecord } from './stream-record.ts'

const change = (value: string | null, old: string | null) =>
  new StreamRecord(cellOf('k', string), cellOf(value, string), cellOf(old, string), 0, [], true)

test('changes have the bytes that Kafka Streams gives them (KIP-904)', () => {
  const cases: [string | null, string | null, string][] = [
    ['new', null, '6e657701'],
    [null, 'old', '6f6c6400'],
    ['new', 'older', '066e65776f6c64657202'],
    ['', '', '0002'],
    ['x'.repeat(64), 'y', `8001${'78'.repeat(64)}7902`],
  ]
  for (const [value, old, hex] of cases) {
    const bytes = encodeChange(change(value, old), string) as Buffer
    assert.equal(bytes.toString('hex'), hex)
    const decoded = decodeChange(bytes)
    assert.deepEqual([decoded.value?.toString() ?? null, decoded.old?.toString() ?? null], [value, old])
  }
})

test('bytes that are no change are refused', () => {
  for (const hex of ['', '03', '6e6503', '0a6e02', '0102', 'ffffffffffff02']) {
    assert.throws(() => decodeChange(Buffer.from(hex, 'hex')), { code: 'MALFORMED_BYTES' }, hex)
  }
})
