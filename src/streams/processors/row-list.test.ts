import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../../contracts/codecs.ts'
import { countedRow, rowList } from './row-list.ts'

test('lists of rows come back as they were', () => {
  const list = rowList(string)
  for (const rows of [[], [''], ['a', '', 'bc', 'ü'], ['x'.repeat(70_000)]]) {
    assert.deepEqual(list.decode(list.encode(rows)), rows)
  }
  assert.deepEqual(list.encode(['a']), Buffer.from([0, 0, 0, 1, 97]))
})

test('a list that is cut off is refused', () => {
  const list = rowList(string)
  const bytes = list.encode(['one', 'two'])
  for (const end of [bytes.length - 1, 9, 8, 3]) {
    assert.throws(() => list.decode(bytes.subarray(0, end)), { code: 'MALFORMED_BYTES' })
  }
})

test('a counted row comes back with its count', () => {
  const codec = countedRow(string)
  assert.deepEqual(codec.decode(codec.encode({ value: 'x', count: 300 })), { value: 'x', count: 300 })
  assert.deepEqual(codec.encode({ value: 'x', count: 300 }), Buffer.from([0, 0, 1, 44, 120]))
})
