import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isEvertError } from '../../errors.ts'
import { StoredJournal } from './journal.ts'
import { seededRandom } from '../../internal/random.ts'
import { SimulatedDisk } from './simulated-disk.ts'

const newDisk = () => new SimulatedDisk(seededRandom(1))

test('the journal gives the last value of each key back, also after a crash', async () => {
  const disk = newDisk()
  const journal = await StoredJournal.open(disk, { isNew: true })
  await journal.put([
    ['a/1', { deep: [1, null, 'ü'] }],
    ['a/2', 2],
    ['b/1', true],
  ])
  await journal.put([
    ['a/2', undefined],
    ['a/1', 'new'],
  ])
  const again = await StoredJournal.open(disk.after(), { isNew: false })
  assert.deepEqual([...again.entries('a/')], [['a/1', 'new']])
  assert.deepEqual([...again.entries('')].length, 2)
})

test('a journal that is mostly dead is rewritten, and nothing is lost on the way', async () => {
  for (let crashAfter = 0; crashAfter < 12; crashAfter++) {
    const random = seededRandom(crashAfter)
    const disk = new SimulatedDisk(random)
    const journal = await StoredJournal.open(disk, { isNew: true })
    await journal.put([['small', 'kept']])
    const filler = 'x'.repeat(100_000)
    while (journal.point.position <= 1024 * 1024) await journal.put([['large', filler]])
    const sizeBefore = journal.point.position
    if (crashAfter > 0) disk.crashAt = disk.operations + crashAfter
    const acknowledged: number[] = []
    for (const number of [1, 2, 3])
      void journal.put([['number', number]]).then(() => acknowledged.push(number))
    await Promise.race([disk.crashed, settled()])
    const after = await StoredJournal.open(disk.after(), { isNew: false })
    const values = new Map(after.entries(''))
    assert.equal(values.get('small'), 'kept')
    assert.ok(Number(values.get('number') ?? 0) >= (acknowledged.at(-1) ?? 0))
    assert.equal(values.get('large'), filler)
    if (!disk.isCrashed) assert.ok(after.point.position < sizeBefore)
  }
})

test('a rewritten journal is as small as what is alive in it', async () => {
  const disk = newDisk()
  const journal = await StoredJournal.open(disk, { isNew: true })
  const filler = 'x'.repeat(100_000)
  for (let round = 0; round < 30; round++) await journal.put([['large', filler]])
  assert.ok(journal.point.position < 1_300_000)
  assert.ok(journal.point.generation > 1)
})

test('a torn tail is cut at any byte, and the next entries follow the last whole ones', async () => {
  const disk = newDisk()
  const journal = await StoredJournal.open(disk, { isNew: true })
  await journal.put([['a', 1]])
  const whole = journal.point.position
  await journal.put([['a', 2]])
  const end = journal.point.position
  for (let cut = whole; cut < end; cut++) {
    const torn = disk.after()
    await (await torn.open('journal')).truncate(cut)
    const again = await StoredJournal.open(torn, { isNew: false })
    assert.deepEqual([...again.entries('')], [['a', 1]])
    await again.put([['b', 3]])
    const last = await StoredJournal.open(torn.after(), { isNew: false })
    assert.deepEqual([...last.entries('')].length, 2)
  }
})

test('damage in what was synced is refused with file and byte', async () => {
  const disk = newDisk()
  const journal = await StoredJournal.open(disk, { isNew: true })
  await journal.put([['a', 1]])
  const { position } = journal.point
  await journal.put([['a', 2]])
  for (const [byte, text] of [
    [position + 9, `byte ${position}`],
    [9, 'byte 8'],
  ] as const) {
    const rotten = disk.after()
    rotten.bytesOf('journal')![byte]! ^= 0x10
    await assert.rejects(
      StoredJournal.open(rotten, { isNew: false, synced: journal.point }),
      error =>
        isEvertError(error, 'DAMAGED_DATA') &&
        error.message.includes(`journal in the data`) &&
        error.message.includes(text),
    )
    rotten.bytesOf('journal')![byte]! ^= 0x10
  }
})

test('after a failed sync every put is refused', async () => {
  const disk = newDisk()
  const journal = await StoredJournal.open(disk, { isNew: true })
  disk.failing.add('sync')
  await assert.rejects(journal.put([['a', 1]]), error => isEvertError(error, 'DISK'))
  disk.failing.clear()
  await assert.rejects(journal.put([['a', 2]]), error => isEvertError(error, 'DISK'))
})

/** Until nothing moves any more: the simulated disk takes microtasks only. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 500; turns++) await Promise.resolve()
}
