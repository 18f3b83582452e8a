import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../../contracts/codecs.ts'
import { bufferedRow } from './buffered-row.ts'

const codec = bufferedRow(string)

test('buffered rows have the bytes of their table and come back', () => {
  const cases: [Parameters<typeof codec.encode>[0], string][] = [
    [{ value: 'ab', headers: [] }, '00000000 01 6162'],
    [{ value: '', headers: [] }, '00000000 01'],
    [{ value: null, headers: [] }, '00000000 00'],
    [
      {
        value: 'x',
        headers: [
          { key: 'h', value: Buffer.from('v') },
          { key: '', value: null },
        ],
      },
      '00000002 00000001 68 00000001 76 00000000 ffffffff 01 78',
    ],
  ]
  for (const [row, parts] of cases) {
    const hex = parts.replaceAll(' ', '')
    assert.equal(codec.encode(row).toString('hex'), hex)
    assert.deepEqual(codec.decode(Buffer.from(hex, 'hex')), row)
  }
})

test('bytes that are cut short are refused', () => {
  for (const hex of ['', '000000', '00000001', '0000000100000005', '00000001000000016800000009']) {
    assert.throws(() => codec.decode(Buffer.from(hex, 'hex')), { code: 'MALFORMED_BYTES' }, hex)
  }
})
