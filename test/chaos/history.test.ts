import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../src/internal/random.ts'
import { checkHistory, type Finding, type History, type Outcome, type Read, type Write } from './history.ts'

/** `writer id partition transaction`, and `partition id transaction` in order of offset. */
interface Story {
  readonly writes: readonly string[]
  readonly outcomes: Readonly<Record<string, Outcome>>
  readonly reads: readonly string[]
}

const good: readonly (readonly [name: string, story: Story])[] = [
  ['nothing at all', { writes: [], outcomes: {}, reads: [] }],
  [
    'two writers whose records interleave',
    {
      writes: ['w a 0 t1', 'w b 0 t1', 'v c 0 t2', 'v d 0 t2'],
      outcomes: { t1: 'committed', t2: 'committed' },
      reads: ['0 a t1', '0 c t2', '0 b t1', '0 d t2'],
    },
  ],
  [
    'an aborted transaction that is written again',
    {
      writes: ['w a 0 t1', 'w b 1 t1', 'w a 0 t2', 'w b 1 t2'],
      outcomes: { t1: 'aborted', t2: 'committed' },
      reads: ['0 a t2', '1 b t2'],
    },
  ],
  [
    'partitions that are read in another order',
    {
      writes: ['w a 0 t1', 'w b 1 t1', 'w c 0 t1'],
      outcomes: { t1: 'committed' },
      reads: ['1 b t1', '0 a t1', '0 c t1'],
    },
  ],
  [
    'unknown outcomes, one of which was a commit',
    {
      writes: ['w a 0 t1', 'w b 1 t1', 'v c 0 t2', 'v d 1 t2'],
      outcomes: { t1: 'unknown', t2: 'unknown' },
      reads: ['0 a t1', '1 b t1'],
    },
  ],
]

for (const [name, story] of good) {
  test(`nothing is found in a good history: ${name}`, () => {
    assert.deepEqual(checkHistory(historyOf(story)), [])
  })
}

const bad: readonly (readonly [expected: string, story: Story])[] = [
  ['lost-write b', { writes: ['w a 0 t1', 'w b 0 t1'], outcomes: { t1: 'committed' }, reads: ['0 a t1'] }],
  [
    'duplicate a',
    {
      writes: ['w a 0 t1', 'w b 0 t1'],
      outcomes: { t1: 'committed' },
      reads: ['0 a t1', '0 b t1', '0 a t1'],
    },
  ],
  [
    'duplicate a',
    {
      writes: ['w a 0 t1', 'w b 1 t1'],
      outcomes: { t1: 'committed' },
      reads: ['0 a t1', '1 b t1', '1 a t1'],
    },
  ],
  [
    'aborted-read b',
    {
      writes: ['w a 0 t1', 'w b 0 t2'],
      outcomes: { t1: 'committed', t2: 'aborted' },
      reads: ['0 a t1', '0 b t2'],
    },
  ],
  [
    'aborted-read a',
    {
      writes: ['w a 0 t1', 'w a 0 t2'],
      outcomes: { t1: 'aborted', t2: 'committed' },
      reads: ['0 a t1', '0 a t2'],
    },
  ],
  ['phantom-read x', { writes: [], outcomes: {}, reads: ['0 x t1'] }],
  ['misplaced a', { writes: ['w a 0 t1'], outcomes: { t1: 'committed' }, reads: ['1 a t1'] }],
  [
    'reordered b',
    {
      writes: ['w a 0 t1', 'w b 0 t1', 'w c 0 t1'],
      outcomes: { t1: 'committed' },
      reads: ['0 a t1', '0 c t1', '0 b t1'],
    },
  ],
  [
    'torn-transaction b',
    { writes: ['w a 0 t1', 'w b 1 t1'], outcomes: { t1: 'unknown' }, reads: ['0 a t1'] },
  ],
]

for (const [expected, story] of bad) {
  test(`${expected} is found, and nothing else`, () => {
    assert.deepEqual(checkHistory(historyOf(story)).map(label), [expected])
  })
}

test('a record that is only in an aborted transaction is no loss', () => {
  const story: Story = { writes: ['w a 0 t1'], outcomes: { t1: 'aborted' }, reads: [] }
  assert.deepEqual(checkHistory(historyOf(story)), [])
})

for (const seed of [1, 2, 3, 4, 5]) {
  test(`each damage to a large good history is found as what it is (seed ${seed})`, () => {
    const random = seededRandom(seed)
    const history = randomHistory(random)
    assert.deepEqual(checkHistory(history), [])
    const { reads } = history
    const at = Math.floor(random() * reads.length)
    const victim = reads[at] as Read

    const without = reads.toSpliced(at, 1)
    assert.deepEqual(found({ ...history, reads: without }), [`lost-write ${victim.id}`])

    const again = [...reads, { ...victim, offset: 1_000_000 }]
    assert.deepEqual(found({ ...history, reads: again }), [`duplicate ${victim.id}`])

    const aborted = history.writes.find(({ transaction, id }) => {
      return history.outcomes.get(transaction) === 'aborted' && !reads.some(read => read.id === id)
    }) as Write
    const { id, partition, transaction } = aborted
    const leaked = [...reads, { id, partition, transaction, offset: 1_000_000 }]
    assert.deepEqual(found({ ...history, reads: leaked }), [`aborted-read ${id}`])

    // The last record of a writer in a partition goes before its first one there.
    const writerOf = new Map(history.writes.map(write => [write.id, write.writer]))
    const own = reads.filter(read => {
      return read.partition === victim.partition && writerOf.get(read.id) === writerOf.get(victim.id)
    })
    const last = own.at(-1) as Read
    const moved = reads.map(read => (read === last ? { ...read, offset: -1 } : read))
    const kinds = checkHistory({ ...history, reads: moved }).map(({ kind }) => kind)
    assert.deepEqual(
      kinds,
      Array.from({ length: own.length - 1 }, () => 'reordered'),
    )
  })
}

function found(history: History): string[] {
  return checkHistory(history).map(label)
}

function label({ kind, id }: Finding): string {
  return `${kind} ${id}`
}

function historyOf({ writes, outcomes, reads }: Story): History {
  return {
    writes: writes.map(line => {
      const [writer, id, partition, transaction] = line.split(' ') as [string, string, string, string]
      return { writer, id, partition: Number(partition), transaction }
    }),
    outcomes: new Map(Object.entries(outcomes)),
    reads: reads.map((line, offset) => {
      const [partition, id, transaction] = line.split(' ') as [string, string, string]
      return { partition: Number(partition), offset, id, transaction }
    }),
  }
}

/** Three writers, three partitions, transactions of a few records, each fourth one aborted and half of those retried. */
function randomHistory(random: () => number): History {
  const writes: Write[] = []
  const outcomes = new Map<string, Outcome>()
  const reads: Read[] = []
  for (let n = 0; n < 300; n++) {
    const records = Array.from({ length: 1 + Math.floor(random() * 5) }, (_, index) => ({
      writer: `w${n % 3}`,
      id: `${n}.${index}`,
      partition: Math.floor(random() * 3),
    }))
    const isAborted = n % 4 === 0
    const attempts = isAborted ? (n % 8 === 0 ? ['aborted'] : ['aborted', 'committed']) : ['committed']
    for (const outcome of attempts) {
      const transaction = `${n}-${outcome}`
      outcomes.set(transaction, outcome as Outcome)
      for (const record of records) {
        writes.push({ ...record, transaction })
        if (outcome === 'aborted') continue
        reads.push({ id: record.id, partition: record.partition, offset: reads.length, transaction })
      }
    }
  }
  return { writes, outcomes, reads }
}
