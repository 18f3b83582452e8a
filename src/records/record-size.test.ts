import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecordBatchBuilder } from './record-batch-builder.ts'
import { sizeOfRecordBatch } from './record-size.ts'

test('the size of a record in a batch of its own is what the batch takes', () => {
  for (const length of [0, 1, 50, 63, 64, 200, 8_191, 8_192, 100_000, 2_000_000]) {
    for (const key of [null, Buffer.alloc(length % 300)]) {
      for (const headers of [
        [],
        [{ key: 'é', value: null }],
        [{ key: 'a', value: Buffer.alloc(length % 999) }],
      ]) {
        const value = length === 0 ? null : Buffer.alloc(length)
        const builder = new RecordBatchBuilder()
        builder.append(1_700_000_000_000, key, value, headers)
        assert.equal(sizeOfRecordBatch(key, value, headers), builder.build().length)
      }
    }
  }
})
