import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compress, compressionId, compressionOf, decompress } from './compression.ts'

test('compressions have the numbers of Kafka', () => {
  const names = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
  assert.deepEqual(names.map(compressionId), [0, 1, 2, 3, 4])
  assert.deepEqual([0, 1, 2, 3, 4].map(compressionOf), names)
  for (const id of [5, 6, 7]) assert.throws(() => compressionOf(id), { code: 'MALFORMED_BYTES' })
})

test('what gzip and zstd make smaller comes back', () => {
  const records = Buffer.from('order '.repeat(1000))
  for (const compression of ['gzip', 'zstd'] as const) {
    const compressed = compress(compression, records)
    assert.ok(compressed.length < records.length / 10)
    assert.deepEqual(decompress(compression, compressed), records)
  }
})

test('none passes the bytes on without a copy', () => {
  const records = Buffer.from('order')
  assert.equal(compress('none', records), records)
  assert.equal(decompress('none', records), records)
})

test('a decompression bomb is refused at the limit', () => {
  const bomb = Buffer.alloc(1_000_000)
  for (const compression of ['gzip', 'zstd'] as const) {
    const compressed = compress(compression, bomb)
    assert.ok(compressed.length < 2000)
    assert.throws(() => decompress(compression, compressed, 999_999), { code: 'MALFORMED_BYTES' })
    assert.equal(decompress(compression, compressed, 1_000_000).length, 1_000_000)
  }
})

test('bytes that are not compressed, or cut off, are malformed', () => {
  for (const compression of ['gzip', 'zstd'] as const) {
    const compressed = compress(compression, Buffer.from('order '.repeat(100)))
    for (const bytes of [Buffer.alloc(0), Buffer.from('no such thing'), compressed.subarray(0, -1)]) {
      assert.throws(() => decompress(compression, bytes), { code: 'MALFORMED_BYTES' })
    }
  }
})

test('snappy and lz4 are refused both ways', () => {
  for (const compression of ['snappy', 'lz4'] as const) {
    assert.throws(() => compress(compression, Buffer.alloc(1)), { code: 'UNSUPPORTED_COMPRESSION' })
    assert.throws(() => decompress(compression, Buffer.alloc(1)), { code: 'UNSUPPORTED_COMPRESSION' })
  }
})
