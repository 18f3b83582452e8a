import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isEvertError } from '../../src/errors.ts'
import { controlTypeOf } from '../../src/records/control-batch.ts'
import { batchesIn, RecordBatch, type RecordHeader } from '../../src/records/record-batch.ts'
import { RecordBatchBuilder } from '../../src/records/record-batch-builder.ts'
import { fixture } from './fixture.ts'
import { Random } from './random.ts'

const HEADER_BYTES = 61
const random = Random.fromEnvironment()
const batches = fixture<{ bytes: string }>('batches.jsonl').map(line => Buffer.from(line.bytes, 'hex'))

test(`random records come back as they were appended (EVERT_SEED=${random.seed})`, () => {
  for (const compression of ['none', 'gzip', 'zstd'] as const) {
    const builder = new RecordBatchBuilder({ compression, initialBytes: 100 })
    for (let round = 0; round < 60; round++) {
      builder.reset()
      const records = Array.from({ length: 1 + random.below(20) }, () => ({
        timestamp: Math.max(-1, random.safeInteger()),
        key: random.oneIn(4) ? null : random.bytes(random.below(20)),
        value: random.oneIn(4) ? null : random.bytes(random.below(300)),
        headers: Array.from({ length: random.below(3) }, () => ({
          key: random.pick(['', 'trace', 'é', 'k'.repeat(200)]),
          value: random.oneIn(3) ? null : random.bytes(random.below(9)),
        })),
      }))
      for (const record of records) {
        builder.append(record.timestamp, record.key, record.value, record.headers)
      }
      const batch = RecordBatch.at(builder.build())
      batch.verify()
      const timestamps = records.map(record => record.timestamp)
      assert.equal(batch.maxTimestamp, Math.max(...timestamps))
      const columns = batch.records()
      assert.equal(columns.count, records.length)
      records.forEach((record, index) => {
        assert.equal(columns.offset(index), index)
        assert.equal(columns.timestamp(index), record.timestamp)
        assert.deepEqual(columns.key(index), record.key)
        assert.equal(columns.keyLatin1(index), record.key === null ? null : record.key.toString('latin1'))
        assert.deepEqual(columns.value(index), record.value)
        assert.deepEqual(columns.headers(index), record.headers satisfies RecordHeader[])
      })
    }
  }
})

test('a batch cut off at any byte is no batch, and a partial one at the end of a fetch is left out', () => {
  const first = batches[0] as Buffer
  for (const whole of batches) {
    for (let length = 0; length < whole.length; length++) {
      const cut = Buffer.from(whole.subarray(0, length))
      assert.throws(() => RecordBatch.at(cut), { code: 'MALFORMED_BYTES' })
      const found = [...batchesIn(Buffer.concat([first, cut]))]
      assert.deepEqual(
        found.map(batch => batch.sizeBytes),
        [first.length],
      )
    }
  }
})

test('any changed byte under the checksum is found', () => {
  for (const whole of batches) {
    for (let at = 21; at < whole.length; at++) {
      const damaged = Buffer.from(whole)
      damaged[at] = (damaged[at] as number) ^ (1 << random.below(8))
      // A header that makes no sense is refused before its checksum is looked at.
      assert.throws(
        () => RecordBatch.at(damaged).verify(),
        error => isEvertError(error, 'CORRUPT_RECORD') || isEvertError(error, 'MALFORMED_BYTES'),
      )
    }
  }
})

test(`damaged records whose checksum is right are refused, or can be read (EVERT_SEED=${random.seed})`, () => {
  let refused = 0
  let accepted = 0
  for (const whole of batches) {
    for (let round = 0; round < 400; round++) {
      const damaged = Buffer.from(whole)
      const from = random.oneIn(3) ? 0 : HEADER_BYTES
      for (let flips = 1 + random.below(3); flips > 0; flips--) {
        damaged[from + random.below(damaged.length - from)] = random.oneIn(3) ? 0xff : random.below(256)
      }
      try {
        for (const batch of batchesIn(damaged)) readEverything(batch)
        accepted++
      } catch (error) {
        if (!isEvertError(error, 'MALFORMED_BYTES') && !isEvertError(error, 'UNSUPPORTED_COMPRESSION')) {
          throw new Error(`EVERT_SEED=${random.seed}`, { cause: error })
        }
        refused++
      }
    }
  }
  assert.ok(refused > 1000 && accepted > 1000, `${refused} refused, ${accepted} accepted`)
})

function readEverything(batch: RecordBatch): void {
  assert.ok(batch.nextOffset > batch.baseOffset)
  controlTypeOf(batch)
  const columns = batch.records()
  let last = batch.baseOffset - 1
  for (let index = 0; index < columns.count; index++) {
    const offset = columns.offset(index)
    assert.ok(offset > last && offset <= batch.lastOffset)
    last = offset
    assert.ok(Number.isFinite(columns.timestamp(index)))
    columns.key(index)
    columns.value(index)
    columns.headers(index)
  }
}
