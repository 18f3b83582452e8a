import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../../contracts/codecs.ts'
import { firstStart, hopping, tumbling } from './windows.ts'
import { fromStart, windowed, windowStoreKey } from './windowed-key.ts'

test('windowed keys have the bytes of TimeWindowedSerializer', () => {
  const codec = windowed(string, { sizeMs: 10 })
  const cases: [number, string][] = [
    [0, '6b65790000000000000000'],
    [10, '6b6579000000000000000a'],
    [1_700_000_000_000, '6b65790000018bcfe56800'],
  ]
  for (const [start, hex] of cases) {
    const key = { key: 'key', start, end: start + 10 }
    assert.equal(codec.encode(key).toString('hex'), hex)
    assert.deepEqual(codec.decode(Buffer.from(hex, 'hex')), key)
  }
  assert.throws(() => codec.decode(Buffer.from('6b', 'hex')), { code: 'MALFORMED_BYTES' })
})

test('store keys are in the order of their starts', () => {
  const codec = windowStoreKey(string, 10)
  const keys = [0, 255, 256, 2 ** 32 - 1, 2 ** 32, 1_700_000_000_000].map(start =>
    codec.encode({ key: 'z', start, end: start + 10 }).toString('latin1'),
  )
  assert.deepEqual(keys.toSorted(), keys)
  assert.ok((keys[1] as string) >= fromStart(255) && (keys[1] as string) < fromStart(256))
  const key = { key: 'z', start: 2 ** 32 + 7, end: 2 ** 32 + 17 }
  assert.deepEqual(codec.decode(codec.encode(key)), key)
})

test('a record is in the windows that Kafka Streams gives it', () => {
  const cases: [sizeMs: number, advanceMs: number, timestamp: number, starts: number[]][] = [
    [10, 5, 0, [0]],
    [10, 5, 3, [0]],
    [10, 5, 12, [5, 10]],
    [14, 7, 32, [21, 28]],
    [10, 10, 39, [30]],
    [21, 7, 15, [0, 7, 14]],
  ]
  for (const [sizeMs, advanceMs, timestamp, expected] of cases) {
    const starts: number[] = []
    const first = firstStart(hopping({ sizeMs, advanceMs, graceMs: 0 }), timestamp)
    for (let start = first; start <= timestamp; start += advanceMs) starts.push(start)
    assert.deepEqual(starts, expected)
  }
})

test('windows that cannot be are refused', () => {
  assert.throws(() => tumbling({ sizeMs: 0, graceMs: 0 }), { code: 'INVALID_ARGUMENT', message: /sizeMs 0/ })
  assert.throws(() => hopping({ sizeMs: 5, advanceMs: 6, graceMs: 0 }), { code: 'INVALID_ARGUMENT' })
  assert.throws(() => tumbling({ sizeMs: 1.5, graceMs: 0 }), { code: 'INVALID_ARGUMENT' })
  assert.throws(() => tumbling({ sizeMs: 5, graceMs: -1 }), { code: 'INVALID_ARGUMENT' })
})
