import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isEvertError } from '../errors.ts'
import { controlBatch } from '../records/control-batch.ts'
import { stampOffsets } from '../records/record-batch.ts'
import { RecordBatchBuilder } from '../records/record-batch-builder.ts'
import { selectBatches } from './committed-batches.ts'

/** A log written as one word per batch: `p1:a2` two transactional records of producer 1; `p1!` its abort, `p1.` its commit, `n3` plain. */
function log(words: string): Buffer {
  let offset = 0
  const batches = words.split(' ').map(word => {
    const producerId = Number(/^p(\d)/.exec(word)?.[1] ?? -1)
    let batch: Buffer
    let count = 1
    if (/[!.]$/.test(word)) {
      const type = word.endsWith('!') ? 'abort' : 'commit'
      batch = controlBatch({ producerId, producerEpoch: 0, type, timestampMs: 0, coordinatorEpoch: 0 })
    } else {
      count = Number(word.at(-1))
      const builder = new RecordBatchBuilder()
      for (let index = 0; index < count; index++) builder.append(0, null, Buffer.from(word))
      batch = builder.build(
        producerId < 0 ? {} : { producerId, producerEpoch: 0, baseSequence: offset, transactional: true },
      )
    }
    stampOffsets(batch, offset, 0)
    offset += count
    return batch
  })
  return Buffer.concat(batches)
}

const aborted = (...pairs: [producerId: number, firstOffset: number][]) =>
  pairs.map(([producerId, firstOffset]) => ({ producerId, firstOffset }))

const cases = [
  {
    name: 'plain batches pass',
    log: 'n2 n1',
    aborted: aborted(),
    delivered: [0, 2],
    nextOffset: 3,
  },
  {
    name: 'committed transactions pass without their markers',
    log: 'p1:a2 p1. p1:a1 p1.',
    aborted: aborted(),
    delivered: [0, 3],
    nextOffset: 5,
  },
  {
    name: 'an aborted transaction between committed ones of the same producer is left out',
    log: 'p1:a1 p1. p1:b1 p1! p1:c1 p1.',
    aborted: aborted([1, 2]),
    delivered: [0, 4],
    nextOffset: 6,
  },
  {
    name: 'two aborted transactions of one producer are both left out, in any order of the list',
    log: 'p1:a1 p1! p1:b1 p1. p1:c1 p1!',
    aborted: aborted([1, 4], [1, 0]),
    delivered: [2],
    nextOffset: 6,
  },
  {
    name: 'interleaved producers are told apart, and plain batches of the aborted range pass',
    log: 'p1:a1 p2:a1 n1 p1! p2:b1 p2.',
    aborted: aborted([1, 0]),
    delivered: [1, 2, 4],
    nextOffset: 6,
  },
  {
    name: 'a transaction that is aborted beyond the fetched bytes is left out up to their end',
    log: 'n1 p1:a2 p1:b2',
    aborted: aborted([1, 1]),
    delivered: [0],
    nextOffset: 5,
  },
  {
    name: 'a transaction that began before the fetched bytes is left out until its marker',
    log: 'p1:a1 p1:b1 p1! p1:c1 p1.',
    fetchOffset: 1,
    aborted: aborted([1, 0]),
    delivered: [3],
    nextOffset: 5,
  },
  {
    name: 'bytes that begin with an abort marker end the transaction before them',
    log: 'p1! p1:a1 p1.',
    aborted: aborted([1, 0]),
    delivered: [1],
    nextOffset: 3,
  },
  {
    name: 'batches that end before the offset are left out, the one that holds it is kept',
    log: 'n2 n3 n1',
    fetchOffset: 3,
    aborted: aborted(),
    delivered: [2, 5],
    nextOffset: 6,
  },
  {
    name: 'uncommitted readers see aborted records too, but no markers',
    log: 'p1:a1 p1! n1',
    aborted: undefined,
    delivered: [0, 2],
    nextOffset: 3,
  },
]

for (const { name, log: words, fetchOffset = 0, aborted: list, delivered, nextOffset } of cases) {
  test(name, () => {
    const selected = selectBatches(log(words), fetchOffset, list, true)
    assert.deepEqual(
      selected.batches.map(batch => batch.baseOffset),
      delivered,
    )
    assert.equal(selected.nextOffset, nextOffset)
  })
}

test('a damaged batch is an error, not a record', () => {
  const bytes = log('n1 n1')
  bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1
  assert.throws(
    () => selectBatches(bytes, 0, undefined, true),
    error => isEvertError(error, 'CORRUPT_RECORD'),
  )
})

test('a partial batch at the end is left for the next fetch', () => {
  const whole = log('n1 n1')
  const { batches, nextOffset } = selectBatches(whole.subarray(0, whole.length - 3), 0, undefined, true)
  assert.deepEqual([batches.length, nextOffset], [1, 1])
})
