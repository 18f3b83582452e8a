import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecordBatch } from './record-batch.ts'
import { RecordBatchBuilder } from './record-batch-builder.ts'

const HEADER_BYTES = 61

test('a builder used again leaves the batches it gave before as they were', () => {
  const builder = new RecordBatchBuilder()
  builder.append(1000, Buffer.from('a'), Buffer.from('first'))
  const first = builder.build({ producerId: 7, producerEpoch: 1, baseSequence: 0 })
  builder.reset()
  assert.equal(builder.count, 0)
  assert.equal(builder.sizeBytes, HEADER_BYTES)
  builder.append(2000, Buffer.from('b'), Buffer.from('other'))
  const second = RecordBatch.at(builder.build())
  const batch = RecordBatch.at(first)
  batch.verify()
  assert.equal(batch.records().value(0)?.toString(), 'first')
  assert.equal(batch.producerId, 7)
  assert.equal(second.records().value(0)?.toString(), 'other')
  assert.equal(second.baseTimestamp, 2000)
  assert.equal(second.maxTimestamp, 2000)
  assert.equal(second.producerId, -1)
})

test('key, value and headers are copied when they are appended', () => {
  const builder = new RecordBatchBuilder()
  const [key, value, header] = [Buffer.from('key'), Buffer.from('value'), Buffer.from('header')]
  builder.append(1, key, value, [{ key: 'h', value: header }])
  for (const buffer of [key, value, header]) buffer.fill(0)
  const records = RecordBatch.at(builder.build()).records()
  assert.equal(records.key(0)?.toString(), 'key')
  assert.equal(records.value(0)?.toString(), 'value')
  assert.deepEqual(records.headers(0), [{ key: 'h', value: Buffer.from('header') }])
})

test('the buffer grows with the records, and the size is that of the batch built without compression', () => {
  const builder = new RecordBatchBuilder({ initialBytes: 1 })
  const value = Buffer.alloc(100_000, 'x')
  for (let index = 0; index < 5; index++) builder.append(index, null, value)
  const batch = RecordBatch.at(builder.build())
  batch.verify()
  assert.equal(batch.sizeBytes, builder.sizeBytes)
  assert.deepEqual(batch.records().value(4), value)
})

test('a timestamp that is none is refused and leaves the batch as it was', () => {
  const builder = new RecordBatchBuilder()
  builder.append(5, null, null)
  for (const timestamp of [-2, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    assert.throws(() => builder.append(timestamp, null, null), { code: 'INVALID_ARGUMENT' })
  }
  const batch = RecordBatch.at(builder.build())
  assert.equal(batch.count, 1)
  assert.equal(batch.maxTimestamp, 5)
})

test('sequences go on at zero after the largest', () => {
  const builder = new RecordBatchBuilder()
  for (let index = 0; index < 4; index++) builder.append(1, null, null)
  const lastSequence = (baseSequence: number) => RecordBatch.at(builder.build({ baseSequence })).lastSequence
  assert.equal(lastSequence(10), 13)
  assert.equal(lastSequence(2 ** 31 - 4), 2 ** 31 - 1)
  assert.equal(lastSequence(2 ** 31 - 2), 1)
  assert.equal(lastSequence(-1), -1)
})

test('a batch without records cannot be built', () => {
  assert.throws(() => new RecordBatchBuilder().build(), /without records/)
})
