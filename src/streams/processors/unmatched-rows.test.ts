import assert from 'node:assert/strict'
import { test } from 'node:test'
import { int64, string } from '../../contracts/codecs.ts'
import { unmatchedCodec } from './unmatched-rows.ts'

const codec = unmatchedCodec(string, int64)

test('waiting values of either side come back, in their order', () => {
  for (const row of [
    { isLeft: true, values: ['one', '', 'three'] },
    { isLeft: false, values: [1, -2] },
  ]) {
    assert.deepEqual(codec.decode(codec.encode(row)), row)
  }
})

test('the bytes are the side, then each value after its length', () => {
  assert.deepEqual(
    codec.encode({ isLeft: true, values: ['ab', 'c'] }),
    Buffer.from([1, 0, 0, 0, 2, 0x61, 0x62, 0, 0, 0, 1, 0x63]),
  )
})

test('bytes that end within a value are refused', () => {
  const bytes = codec.encode({ isLeft: true, values: ['ab'] })
  for (const end of [bytes.length - 1, 3])
    assert.throws(() => codec.decode(bytes.subarray(0, end)), { code: 'MALFORMED_BYTES' })
})
