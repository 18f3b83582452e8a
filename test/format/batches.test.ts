import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Compression } from '../../src/records/compression.ts'
import { controlBatch, controlTypeOf } from '../../src/records/control-batch.ts'
import { RecordBatch, stampOffsets } from '../../src/records/record-batch.ts'
import { RecordBatchBuilder } from '../../src/records/record-batch-builder.ts'
import type { RecordColumns } from '../../src/records/record-columns.ts'
import { fixture } from './fixture.ts'

interface Recorded {
  readonly kind: 'batch' | 'commit' | 'abort'
  readonly compression: Compression
  readonly baseOffset: number
  readonly lastOffset: number
  readonly nextOffset: number
  readonly partitionLeaderEpoch: number
  readonly timestampType: 'create' | 'log-append'
  readonly isTransactional: boolean
  readonly isControl: boolean
  readonly maxTimestamp: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly lastSequence: number
  readonly count: number
  readonly sizeBytes: number
  readonly coordinatorEpoch?: number
  readonly bytes: string
  readonly records: readonly RecordedRecord[]
}

interface RecordedRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly { readonly key: string; readonly value: string | null }[]
}

const HEADER_FIELDS = [
  'compression',
  'baseOffset',
  'lastOffset',
  'nextOffset',
  'partitionLeaderEpoch',
  'timestampType',
  'isTransactional',
  'isControl',
  'maxTimestamp',
  'producerId',
  'producerEpoch',
  'baseSequence',
  'lastSequence',
  'count',
  'sizeBytes',
] as const

const recorded = fixture<Recorded>('batches.jsonl')
const isBuiltIn = (line: Recorded) => ['none', 'gzip', 'zstd'].includes(line.compression)

test('the header of every batch of Java is read as Java reads it', () => {
  for (const line of recorded) {
    const batch = RecordBatch.at(Buffer.from(line.bytes, 'hex'))
    batch.verify()
    for (const name of HEADER_FIELDS) assert.equal(batch[name], line[name], name)
    assert.equal(batch.bytes.toString('hex'), line.bytes)
    assert.equal(controlTypeOf(batch), line.kind === 'batch' ? undefined : line.kind)
  }
})

test('the records of batches of Java are read, plain, gzip and zstd', () => {
  const compressions = new Set<Compression>()
  for (const line of recorded.filter(isBuiltIn)) {
    assert.deepEqual(plain(RecordBatch.at(Buffer.from(line.bytes, 'hex')).records()), line.records)
    compressions.add(line.compression)
  }
  assert.deepEqual([...compressions].toSorted(), ['gzip', 'none', 'zstd'])
})

test('snappy and lz4 are refused by name, and say what to do', () => {
  for (const compression of ['snappy', 'lz4'] as const) {
    const lines = recorded.filter(line => line.compression === compression)
    assert.ok(lines.length > 0)
    for (const line of lines) {
      assert.throws(() => RecordBatch.at(Buffer.from(line.bytes, 'hex')).records(), {
        code: 'UNSUPPORTED_COMPRESSION',
        message: new RegExp(`^Compression ${compression} is not built in; set the producer`),
      })
    }
  }
})

test('a batch built from the same records is byte for byte that of Java', () => {
  let equal = 0
  for (const line of recorded.filter(isBuiltIn)) {
    if (line.kind !== 'batch' || line.timestampType !== 'create') continue
    const builder = new RecordBatchBuilder({ compression: line.compression, initialBytes: 64 })
    for (const { timestamp, key, value, headers } of line.records) {
      const copies = headers.map(header => ({ key: header.key, value: fromHex(header.value) }))
      builder.append(timestamp, fromHex(key), fromHex(value), copies)
    }
    const { producerId, producerEpoch, baseSequence, isTransactional: transactional } = line
    const bytes = builder.build({ producerId, producerEpoch, baseSequence, transactional })
    stampOffsets(bytes, line.baseOffset, line.partitionLeaderEpoch)
    if (line.compression === 'none') {
      assert.equal(bytes.toString('hex'), line.bytes)
      equal++
    } else {
      const batch = RecordBatch.at(bytes)
      batch.verify()
      assert.equal(batch.compression, line.compression)
      assert.deepEqual(plain(batch.records()), line.records)
    }
  }
  assert.ok(equal >= 9, `only ${equal} plain batches were compared`)
})

test('the markers that end a transaction are byte for byte those of Java', () => {
  let equal = 0
  for (const line of recorded) {
    if (line.kind === 'batch' || line.coordinatorEpoch === undefined) continue
    const { producerId, producerEpoch, maxTimestamp: timestampMs, coordinatorEpoch, kind: type } = line
    const bytes = controlBatch({ producerId, producerEpoch, type, timestampMs, coordinatorEpoch })
    stampOffsets(bytes, line.baseOffset, line.partitionLeaderEpoch)
    assert.equal(bytes.toString('hex'), line.bytes)
    equal++
  }
  assert.equal(equal, 6)
})

function plain(columns: RecordColumns): RecordedRecord[] {
  return Array.from({ length: columns.count }, (_, index) => ({
    offset: columns.offset(index),
    timestamp: columns.timestamp(index),
    key: toHex(columns.key(index)),
    value: toHex(columns.value(index)),
    headers: columns.headers(index).map(({ key, value }) => ({ key, value: toHex(value) })),
  }))
}

function toHex(bytes: Buffer | null): string | null {
  return bytes === null ? null : bytes.toString('hex')
}

function fromHex(hex: string | null): Buffer | null {
  return hex === null ? null : Buffer.from(hex, 'hex')
}
