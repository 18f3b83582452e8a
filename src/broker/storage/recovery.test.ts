import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isEvertError } from '../../errors.ts'
import { ManualClock } from '../../internal/clock.ts'
import type { LogStorage } from './log-storage.ts'
import { seededRandom } from '../../internal/random.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import { openStorage } from './storage.ts'
import { batchOf, contentOf } from './test-batches.ts'

const ID = Buffer.from('topic number one').toString('base64url')
const DIRECTORY = `topics/${Buffer.from('topic number one').toString('hex')}/0`
const CONFIGS = { 'segment.bytes': '1000' }
const clock = new ManualClock(1_000_000)

async function open(disk: SimulatedDisk): Promise<LogStorage> {
  return await openStorage(disk, { clock, newId: () => ID, tailCacheBytes: 0 })
}

/** Twelve batches in three segments, and where the storage noted its recovery points. */
async function written({ closed }: { closed: boolean }): Promise<{ disk: SimulatedDisk; content: string[] }> {
  const disk = new SimulatedDisk(seededRandom(1))
  const storage = await open(disk)
  const log = (await storage.createTopic('t', 1, CONFIGS)).partitions[0]!
  for (let at = 0; at < 12; at++)
    await log.append(batchOf(['x'.repeat(100)], { producer: [1, 0, at], timestampMs: at }))
  const content = await contentOf(log)
  clock.advance(1000)
  for (let turns = 0; turns < 100; turns++) await Promise.resolve()
  if (closed) await storage.close()
  // Kept by the machine, though the process is gone.
  return { disk: disk.afterKill(), content }
}

const segment = (base: number, extension = 'log') =>
  `${DIRECTORY}/${String(base).padStart(20, '0')}.${extension}`

function rot(disk: SimulatedDisk, path: string, byte: number): void {
  disk.bytesOf(path)![byte]! ^= 0x10
}

for (const closed of [true, false]) {
  const how = closed ? 'an orderly close' : 'a kill'

  test(`after ${how} a missing or damaged index or producers file is rebuilt from the segments`, async () => {
    for (const harm of ['remove', 'rot', 'empty']) {
      const { disk, content } = await written({ closed })
      const names = (await disk.list(DIRECTORY)).map(entry => entry.name)
      const harmed = names.filter(name => !name.endsWith('.log'))
      assert.ok(
        harmed.some(name => name.endsWith('.index')) && harmed.some(name => name.endsWith('.producers')),
      )
      for (const name of harmed) {
        const path = `${DIRECTORY}/${name}`
        if (harm === 'remove') await disk.remove(path)
        else if (harm === 'rot') rot(disk, path, 20)
        else await (await disk.open(path)).truncate(0)
      }
      const log = (await open(disk)).topic('t')!.partitions[0]!
      assert.deepEqual(await contentOf(log), content)
      assert.deepEqual(await log.offsetForTimestamp(7, 12), { offset: 7, timestampMs: 7 })
      assert.deepEqual(await log.maxTimestamp(), { offset: 11, timestampMs: 11 })
      const repeated = batchOf(['x'.repeat(100)], { producer: [1, 0, 9] })
      assert.equal((await log.append(repeated)).baseOffset, 9)
    }
  })

  test(`after ${how} any flipped bit of a sealed segment is told when it is read, with file and byte`, async () => {
    const { disk } = await written({ closed })
    const size = batchOf(['x'.repeat(100)]).length
    for (let byte = 0; byte < size; byte += 3) {
      // The leader epoch, bytes 12 to 15, is not under the checksum and says nothing here.
      if (byte >= 12 && byte < 16) continue
      const other = disk.afterKill()
      rot(other, segment(0), size + byte)
      const log = (await open(other)).topic('t')!.partitions[0]!
      assert.equal((await log.read(0, 1, 12)).length, size)
      await assert.rejects(
        log.read(1, 1000, 12),
        error =>
          isEvertError(error, 'DAMAGED_DATA') &&
          error.message.includes(segment(0)) &&
          error.message.includes(`byte ${size}:`),
        `byte ${byte}`,
      )
      rot(other, segment(0), size + byte)
    }
  })

  test(`after ${how} a missing segment is told when the log is opened or read`, async () => {
    for (const base of [0, 5, 10]) {
      const { disk } = await written({ closed })
      const bases = (await disk.list(DIRECTORY))
        .filter(entry => entry.name.endsWith('.log'))
        .map(entry => entry.name)
      assert.equal(bases.length, 3)
      await disk.remove(`${DIRECTORY}/${bases[base / 5]}`)
      await assert.rejects(async () => {
        const log = (await open(disk)).topic('t')!.partitions[0]!
        await contentOf(log)
      }, isDamage)
    }
  })
}

test('a tail that is torn at any byte above the recovery point is cut there', async () => {
  const disk = new SimulatedDisk(seededRandom(1))
  const storage = await openStorage(disk, { clock, newId: () => ID, recoveryPointMs: 1e9 })
  const log = (await storage.createTopic('t', 1, {})).partitions[0]!
  for (const value of ['one', 'two', 'six']) await log.append(batchOf([value]))
  const size = batchOf(['one']).length
  // Behind the last batch lie zeroes for batches to come: a file may also end among them.
  assert.ok(disk.bytesOf(segment(0))!.length > 3 * size + 3)
  for (let end = 0; end <= 3 * size + 3; end++) {
    const torn = disk.after()
    await (await torn.open(segment(0))).truncate(end)
    const again = (await open(torn)).topic('t')!.partitions[0]!
    const kept = Math.floor(end / size)
    assert.equal(again.highWatermark, kept)
    assert.equal((await again.append(batchOf(['next']))).baseOffset, kept)
    assert.equal((await contentOf(again)).at(-1), `${kept} next`)
  }
})

test('zeroes or rubbish behind the last batch are cut, whatever they look like', async () => {
  const tails = [Buffer.alloc(1000), Buffer.alloc(1000, 0xff), Buffer.alloc(13, 0x7f), batchOf(['not mine'])]
  for (const tail of tails) {
    const { disk, content } = await written({ closed: false })
    const file = await disk.open(segment(10))
    await file.write([tail], file.sizeBytes)
    const log = (await open(disk)).topic('t')!.partitions[0]!
    assert.deepEqual(await contentOf(log), content)
  }
})

test('damage below the recovery point is refused at open, and nothing is changed', async () => {
  const { disk } = await written({ closed: false })
  rot(disk, segment(10), 70)
  const before = disk.bytesOf(segment(10))!.toString('hex')
  for (let attempt = 0; attempt < 2; attempt++)
    await assert.rejects(
      open(disk),
      error =>
        isEvertError(error, 'DAMAGED_DATA') &&
        error.message.includes(`${segment(10)} in the data directory is damaged at byte 0`) &&
        error.message.includes('backup'),
    )
  assert.equal(disk.bytesOf(segment(10))!.toString('hex'), before)
})

test('a directory of a newer format is refused by name', async () => {
  const { disk } = await written({ closed: true })
  const meta = Buffer.from(JSON.stringify({ format: 2, clusterId: 'x' }))
  const file = await disk.open('meta.json')
  await file.truncate(0)
  await file.write([meta], 0)
  await assert.rejects(
    open(disk),
    error => isEvertError(error, 'NEWER_FORMAT') && error.message.includes('format 2'),
  )
})

test('a damaged or missing meta.json is refused', async () => {
  const damaged = (await written({ closed: true })).disk
  rot(damaged, 'meta.json', 0)
  await assert.rejects(open(damaged), isDamage)
  const missing = (await written({ closed: true })).disk
  await missing.remove('meta.json')
  await assert.rejects(open(missing), isDamage)
})

test('files of a topic whose deletion was cut short are removed at the next open', async () => {
  const { disk } = await written({ closed: true })
  await disk.open(`topics/${'ab'.repeat(16)}/0/00000000000000000000.log`)
  await open(disk)
  assert.deepEqual(
    (await disk.list('topics')).map(entry => entry.name),
    [DIRECTORY.split('/')[1]],
  )
})

function isDamage(error: unknown): boolean {
  return isEvertError(error, 'DAMAGED_DATA')
}
