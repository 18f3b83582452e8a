import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../internal/clock.ts'
import { crc32c } from '../../records/crc32c.ts'
import { errorCodes, errorName } from '../../wire/error-codes.ts'
import type { AppendResult, LogStorage, PartitionLog } from './log-storage.ts'
import { seededRandom } from '../../internal/random.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import { openMemoryStorage, openStorage } from './storage.ts'
import { batchOf, contentOf } from './test-batches.ts'

const RETENTION_CHECK_MS = 60_000

async function opened(
  configs: Record<string, string> = {},
  disk = new SimulatedDisk(seededRandom(1)),
): Promise<{ disk: SimulatedDisk; clock: ManualClock; storage: LogStorage; log: PartitionLog }> {
  const clock = new ManualClock(1_000_000)
  const storage = await openStorage(disk, { clock, tailCacheBytes: 0, retentionCheckMs: RETENTION_CHECK_MS })
  const topic = storage.topic('t') ?? (await storage.createTopic('t', 1, configs))
  return { disk, clock, storage, log: topic.partitions[0]! }
}

test('an append is seen by readers only when it is synced', async () => {
  const { log } = await opened()
  const answer = log.append(batchOf(['a', 'b']))
  assert.deepEqual([log.logEndOffset, log.highWatermark], [2, 0])
  assert.equal((await log.read(0, 1000, 2)).length, 0)
  const result = await answer
  assert.deepEqual([result.code, result.baseOffset, log.highWatermark], [0, 0, 2])
  assert.deepEqual(await contentOf(log), ['0 a', '1 b'])
})

test('appends of one turn share one write and one sync', async () => {
  const { disk, log } = await opened()
  await log.append(batchOf(['first']))
  const before = disk.operations
  await Promise.all(Array.from({ length: 100 }, (_, at) => log.append(batchOf([`${at}`]))))
  assert.equal(disk.operations - before, 2)
})

test('the memory log acknowledges and shows an append at once', async () => {
  const storage = await openMemoryStorage()
  const log = (await storage.createTopic('t', 1, { 'segment.bytes': '1000' })).partitions[0]!
  let advanced = 0
  log.onAdvance(() => advanced++)
  const values = Array.from({ length: 50 }, (_, at) => `value ${at}`)
  for (const value of values) void log.append(batchOf([value]))
  assert.deepEqual([log.highWatermark, advanced], [50, 1])
  assert.deepEqual(
    await contentOf(log),
    values.map((value, at) => `${at} ${value}`),
  )
})

test('a read gives whole batches from the one that holds the offset, below the end, at least one', async () => {
  const disk = new SimulatedDisk(seededRandom(1))
  for (const from of ['pages', 'file']) {
    const { log, storage } = await opened({}, disk)
    const size = batchOf(['aa', 'bb']).length
    while (log.logEndOffset < 12) await log.append(batchOf(['aa', 'bb']))
    const cases = [
      { offset: 0, maxBytes: size * 2, end: 12, batches: [0, 2] },
      { offset: 3, maxBytes: size * 2 - 1, end: 12, batches: [2] },
      { offset: 3, maxBytes: 1, end: 12, batches: [2] },
      { offset: 4, maxBytes: 100_000, end: 10, batches: [4, 6, 8] },
      { offset: 4, maxBytes: 100_000, end: 9, batches: [4, 6] },
      { offset: 4, maxBytes: 100_000, end: 5, batches: [] },
      { offset: 12, maxBytes: 100_000, end: 12, batches: [] },
    ]
    for (const { offset, maxBytes, end, batches } of cases) {
      const bytes = await log.read(offset, maxBytes, end)
      const bases = Array.from({ length: bytes.length / size }, (_, at) =>
        Number(bytes.readBigInt64BE(at * size)),
      )
      assert.deepEqual(bases, batches, `${from}: ${offset} ${maxBytes} ${end}`)
    }
    await storage.close()
  }
})

test('a batch larger than a page and than what a read asks for is read whole', async () => {
  const disk = new SimulatedDisk(seededRandom(1))
  const { log, storage } = await opened({ 'max.message.bytes': '5000000' }, disk)
  const large = 'x'.repeat(3_000_000)
  await log.append(batchOf(['small']))
  await log.append(batchOf([large]))
  await log.append(batchOf(['after']))
  const expected = ['0 small', `1 ${large}`, '2 after']
  assert.deepEqual(await contentOf(log), expected)
  await storage.close()
  assert.deepEqual(await contentOf((await opened({}, disk)).log), expected)
})

test('what may not enter the log is refused by name and changes nothing', async () => {
  const { log } = await opened({ 'max.message.bytes': '300' })
  const damaged = batchOf(['damaged'])
  damaged[damaged.length - 1]! ^= 1
  const oldMagic = batchOf(['old'])
  oldMagic.writeInt8(1, 16)
  const control = recomputed(batchOf(['c'], { producer: [1, 0, 0], transactional: true }), 1 << 5)
  const orphan = recomputed(batchOf(['c']), 1 << 4)
  const cases: [Buffer, string][] = [
    [damaged, 'CORRUPT_MESSAGE'],
    [batchOf(['cut']).subarray(0, 60), 'CORRUPT_MESSAGE'],
    [oldMagic, 'CORRUPT_MESSAGE'],
    [batchOf(['x'.repeat(300)]), 'MESSAGE_TOO_LARGE'],
    [control, 'INVALID_RECORD'],
    [orphan, 'INVALID_RECORD'],
    [Buffer.alloc(0), 'INVALID_RECORD'],
    [
      Buffer.concat([batchOf(['a'], { producer: [1, 0, 0] }), batchOf(['b'], { producer: [1, 0, 1] })]),
      'INVALID_RECORD',
    ],
  ]
  for (const [bytes, expected] of cases) {
    const result = await log.append(bytes)
    assert.deepEqual([errorName(result.code), result.baseOffset], [expected, -1])
  }
  assert.equal(log.logEndOffset, 0)
})

test('a repeated batch is answered with its first offset, also while the first is on its way, also after a restart', async () => {
  const { disk, log, storage } = await opened()
  const batch = (sequence: number) => batchOf([`${sequence}`], { producer: [7, 0, sequence] })
  const answers = await Promise.all([0, 1, 1, 2, 3, 4, 5].map(sequence => log.append(batch(sequence))))
  assert.deepEqual(
    answers.map(({ code, baseOffset }) => [code, baseOffset]),
    [0, 1, 1, 2, 3, 4, 5].map(offset => [0, offset]),
  )
  await storage.close()
  const again = await opened({}, disk.after())
  assert.equal((await again.log.append(batch(1))).baseOffset, 1)
  assert.equal(errorName((await again.log.append(batch(0))).code), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
  assert.equal((await again.log.append(batch(6))).baseOffset, 6)
})

test('the last stable offset waits for the oldest open transaction and for its marker to be synced', async () => {
  const { log } = await opened()
  const transactional = { transactional: true }
  await log.append(batchOf(['plain']))
  await log.append(batchOf(['one'], { producer: [1, 0, 0], ...transactional }))
  await log.append(batchOf(['two'], { producer: [2, 0, 0], ...transactional }))
  assert.deepEqual(log.openTransaction(1), { epoch: 0, firstOffset: 1 })
  assert.equal(log.lastStableOffset, 1)
  const abort = log.appendMarker({ producerId: 1, producerEpoch: 1, type: 'abort', timestampMs: 5 })
  assert.equal(log.lastStableOffset, 1)
  await abort
  assert.equal(log.lastStableOffset, 2)
  await log.appendMarker({ producerId: 2, producerEpoch: 1, type: 'commit', timestampMs: 5 })
  assert.deepEqual([log.lastStableOffset, log.highWatermark], [5, 5])
  assert.equal(log.openTransaction(1), undefined)
  assert.deepEqual(log.abortedTransactions(0, 5), [{ producerId: 1, firstOffset: 1 }])
  assert.deepEqual(log.abortedTransactions(0, 1), [])
  assert.deepEqual(log.abortedTransactions(4, 5), [])
  const late = await log.append(batchOf(['late'], { producer: [1, 0, 1], ...transactional }))
  assert.equal(errorName(late.code), 'INVALID_PRODUCER_EPOCH')
})

test('aborted and open transactions are known again after a crash', async () => {
  const { disk, log } = await opened({ 'segment.bytes': '400' })
  for (let round = 0; round < 6; round++) {
    await log.append(batchOf(['x'.repeat(50)], { producer: [1, round, 0], transactional: true }))
    await log.appendMarker({ producerId: 1, producerEpoch: round + 1, type: 'abort', timestampMs: 5 })
  }
  await log.append(batchOf(['open'], { producer: [1, 6, 0], transactional: true }))
  const expected = log.abortedTransactions(0, 100)
  assert.equal(expected.length, 6)
  const again = (await opened({}, disk.after())).log
  assert.deepEqual(again.abortedTransactions(0, 100), expected)
  assert.deepEqual(again.openTransaction(1), { epoch: 6, firstOffset: 12 })
  assert.equal(again.lastStableOffset, 12)
})

test('after a failed sync nothing is acknowledged any more, and what was acknowledged is still read', async () => {
  for (const call of ['sync', 'write'] as const) {
    const { disk, log, storage } = await opened()
    await log.append(batchOf(['kept']))
    disk.failing.add(call)
    const results: AppendResult[] = await Promise.all([
      log.append(batchOf(['lost'])),
      log.append(batchOf(['lost too'])),
    ])
    disk.failing.clear()
    results.push(await log.append(batchOf(['later'])))
    for (const result of results) assert.equal(result.code, errorCodes.KAFKA_STORAGE_ERROR)
    assert.match(results.at(-1)!.message!, /reopened.*refuses to (sync|write)/)
    assert.deepEqual(await contentOf(log), ['0 kept'])
    await storage.close()
    const again = await opened({}, disk.after())
    assert.equal((await contentOf(again.log))[0], '0 kept')
    assert.equal((await again.log.append(batchOf(['next']))).code, 0)
  }
})

test('with evert.durability=os an append does not wait for a sync', async () => {
  const { disk, log } = await opened({ 'evert.durability': 'os' })
  await log.append(batchOf(['first']))
  disk.failing.add('sync')
  assert.equal((await log.append(batchOf(['second']))).code, 0)
})

test('DeleteRecords moves the start for good and removes the segments below it', async () => {
  const { disk, log } = await opened({ 'segment.bytes': '200' })
  for (let at = 0; at < 10; at++) await log.append(batchOf(['x'.repeat(100)]))
  const before = log.sizeBytes
  assert.equal(await log.deleteBefore(5), 5)
  assert.ok(log.sizeBytes <= before / 2)
  assert.equal((await contentOf(log))[0]!.slice(0, 2), '5 ')
  assert.equal(await log.deleteBefore(2), 5)
  assert.equal(await log.deleteBefore(1000), 10)
  const again = (await opened({}, disk.after())).log
  assert.deepEqual([again.logStartOffset, again.highWatermark], [10, 10])
})

test('retention removes whole segments by age and by size, and without a config nothing', async () => {
  const value = 'x'.repeat(70)
  const size = batchOf([value]).length
  const cases = [
    { configs: {}, kept: 10 },
    { configs: { 'retention.bytes': String(size * 4) }, kept: 4 },
    { configs: { 'retention.bytes': String(size * 4 + 1) }, kept: 5 },
    { configs: { 'retention.bytes': '0' }, kept: 1 },
    { configs: { 'retention.ms': '3500' }, kept: 3 },
    { configs: { 'retention.ms': '3500', 'cleanup.policy': 'compact' }, kept: 10 },
    { configs: { 'retention.ms': '0' }, kept: 0 },
  ]
  for (const { configs, kept } of cases) {
    const { clock, log } = await opened({ 'segment.bytes': '1', ...configs })
    const lastMs = 1_000_000 + RETENTION_CHECK_MS - 1000
    for (let age = 9; age >= 0; age--)
      await log.append(batchOf([value], { timestampMs: lastMs - age * 1000 }))
    clock.advance(RETENTION_CHECK_MS)
    await until(() => log.logStartOffset === 10 - kept && log.sizeBytes === kept * size)
    assert.equal((await contentOf(log)).length, kept)
  }
})

async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; turns < 10_000; turns++) {
    if (condition()) return
    await Promise.resolve()
  }
  assert.fail('the condition never came true')
}

/** The batch with attribute bits set and its checksum made anew. */
function recomputed(batch: Buffer, bits: number): Buffer {
  batch.writeInt16BE(batch.readInt16BE(21) | bits, 21)
  batch.writeUInt32BE(crc32c(batch, 21), 17)
  return batch
}

test('small appends find room that was written ahead; sealed and closed segments end with their last batch', async () => {
  const batch = batchOf(['x'.repeat(100)])
  const segmentBytes = 10 * batch.length
  const { disk, storage, log } = await opened({ 'segment.bytes': String(segmentBytes) })
  const path = (base: number) =>
    `topics/${Buffer.from(storage.topic('t')!.id, 'base64url').toString('hex')}/0/${String(base).padStart(20, '0')}.log`
  const lengthOf = (base: number) => disk.bytesOf(path(base))?.length
  for (let at = 0; at < 10; at++) {
    await log.append(batchOf(['x'.repeat(100)]))
    assert.equal(
      lengthOf(0),
      segmentBytes,
      'the first append takes the room of all, and none goes beyond the segment',
    )
  }
  for (let at = 10; at < 13; at++) await log.append(batchOf(['x'.repeat(100)]))
  assert.deepEqual([lengthOf(0), lengthOf(10)], [segmentBytes, segmentBytes])
  await log.append(batchOf(['y'.repeat(8 * batch.length)]))
  assert.equal(lengthOf(10), 3 * batch.length, 'sealed')
  const killed = await opened({}, disk.afterKill())
  assert.equal(killed.log.logEndOffset, 14)
  await killed.log.append(batchOf(['z']))
  await killed.storage.close()
  assert.equal(
    killed.disk.bytesOf(path(13))?.length,
    batchOf(['y'.repeat(8 * batch.length)]).length + batchOf(['z']).length,
  )
})

test('without preallocation, or without waiting for the disk, a segment is never longer than its batches', async () => {
  for (const configs of [{ preallocate: 'false' }, { 'evert.durability': 'os' }]) {
    const { disk, storage, log } = await opened(configs)
    await log.append(batchOf(['a']))
    const directory = `topics/${Buffer.from(storage.topic('t')!.id, 'base64url').toString('hex')}/0`
    assert.equal(disk.bytesOf(`${directory}/${'0'.repeat(20)}.log`)?.length, batchOf(['a']).length)
  }
})
