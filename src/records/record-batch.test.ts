import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compressionId } from './compression.ts'
import { batchesIn, RecordBatch, stampOffsets } from './record-batch.ts'
import { RecordBatchBuilder } from './record-batch-builder.ts'

const BATCH_LENGTH = 8
const MAGIC = 16
const ATTRIBUTES = 21
const LAST_OFFSET_DELTA = 23
const RECORD_COUNT = 57

function batchOf(...values: string[]): Buffer {
  const builder = new RecordBatchBuilder()
  for (const value of values) builder.append(1000, Buffer.from('key'), Buffer.from(value))
  return builder.build()
}

function changed(batch: Buffer, change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(batch)
  change(bytes)
  return bytes
}

test('offsets are stamped without touching what the checksum covers', () => {
  const bytes = batchOf('a', 'b', 'c')
  stampOffsets(bytes, 2 ** 40, 9)
  const batch = RecordBatch.at(bytes)
  batch.verify()
  assert.equal(batch.baseOffset, 2 ** 40)
  assert.equal(batch.lastOffset, 2 ** 40 + 2)
  assert.equal(batch.nextOffset, 2 ** 40 + 3)
  assert.equal(batch.partitionLeaderEpoch, 9)
  assert.equal(batch.records().offset(1), 2 ** 40 + 1)
})

test('batches one after the other are found, each at its place', () => {
  const [first, second] = [batchOf('a'), batchOf('b', 'c')]
  stampOffsets(second, 1, 0)
  const buffer = Buffer.concat([first, second])
  const found = [...batchesIn(buffer)]
  assert.deepEqual(
    found.map(batch => [batch.baseOffset, batch.count, batch.sizeBytes]),
    [
      [0, 1, first.length],
      [1, 2, second.length],
    ],
  )
  assert.deepEqual(found[1]?.bytes, second)
  assert.equal(found[1]?.records().value(1)?.toString(), 'c')
  assert.equal(RecordBatch.at(buffer, first.length).count, 2)
  assert.deepEqual([...batchesIn(Buffer.alloc(0))], [])
})

test('headers that make no sense are refused with the reason', () => {
  const cases: [(bytes: Buffer) => void, RegExp][] = [
    [bytes => bytes.writeInt32BE(0, BATCH_LENGTH), /claims 12 bytes/],
    [bytes => bytes.writeInt32BE(-1, BATCH_LENGTH), /claims 11 bytes/],
    [bytes => bytes.writeInt32BE(-(2 ** 31), BATCH_LENGTH), /claims -2147483636 bytes/],
    [bytes => bytes.writeInt8(1, MAGIC), /magic 1/],
    [bytes => bytes.writeInt16BE(5, ATTRIBUTES), /compression 5/],
    [bytes => bytes.writeInt32BE(-1, LAST_OFFSET_DELTA), /last offset delta is -1/],
    [bytes => bytes.writeInt32BE(2 ** 30, 0), /beyond 2\^53/],
  ]
  for (const [change, message] of cases) {
    const bytes = changed(batchOf('a'), change)
    assert.throws(() => RecordBatch.at(bytes), { code: 'MALFORMED_BYTES', message })
    assert.throws(() => [...batchesIn(bytes)], { code: 'MALFORMED_BYTES', message })
  }
})

test('records that do not agree with the header are refused with the reason', () => {
  const cases: [(bytes: Buffer) => void, RegExp][] = [
    [bytes => bytes.writeInt32BE(3, RECORD_COUNT), /varint/],
    [bytes => bytes.writeInt32BE(1, RECORD_COUNT), /bytes after its last record/],
    [bytes => bytes.writeInt32BE(2 ** 31 - 1, RECORD_COUNT), /2147483647 records in \d+ bytes/],
    [bytes => bytes.writeInt32BE(-1, RECORD_COUNT), /-1 records/],
    [bytes => bytes.writeInt32BE(0, LAST_OFFSET_DELTA), /offset delta 1 after 0/],
  ]
  for (const [change, message] of cases) {
    const batch = RecordBatch.at(changed(batchOf('a', 'b'), change))
    assert.throws(() => batch.records(), { code: 'MALFORMED_BYTES', message })
    assert.throws(() => batch.verify(), { code: 'CORRUPT_RECORD' })
  }
})

test('an empty batch left by compaction has no records, whatever its compression', () => {
  for (const compression of ['none', 'gzip', 'zstd', 'lz4'] as const) {
    const bytes = batchOf('a', 'b').subarray(0, 61)
    bytes.writeInt32BE(61 - 12, BATCH_LENGTH)
    bytes.writeInt32BE(0, RECORD_COUNT)
    bytes.writeInt16BE(compressionId(compression), ATTRIBUTES)
    const batch = RecordBatch.at(bytes)
    assert.equal(batch.records().count, 0)
    assert.equal(batch.nextOffset, 2)
  }
})

test('with log append time every record has the time of the batch', () => {
  const bytes = changed(batchOf('a', 'b'), bytes => {
    bytes.writeInt16BE(0b1000, ATTRIBUTES)
    bytes.writeBigInt64BE(5000n, 35)
  })
  const batch = RecordBatch.at(bytes)
  assert.equal(batch.timestampType, 'log-append')
  assert.deepEqual([batch.records().timestamp(0), batch.records().timestamp(1)], [5000, 5000])
})
