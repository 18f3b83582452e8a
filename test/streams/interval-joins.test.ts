import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { seededRandom } from '../../src/internal/random.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import type { JoinWindows } from '../../src/streams/processors/join-windows.ts'
import { type TestDriver, testDriver } from '../../src/testing/test-driver.ts'

const text = { key: string, value: string }
const left = topic('left', text)
const right = topic('right', text)
const output = topic('out', text)

type Kind = 'join' | 'leftJoin' | 'outerJoin'

function joined(kind: Kind, within: JoinWindows): TestDriver {
  const builder = new StreamsBuilder()
  const options = { within, value: string } as const
  const [stream, other] = [builder.stream(left), builder.stream(right)]
  const joiner = (a: string | null, b: string | null) => `${a}+${b}`
  if (kind === 'join') stream.join(other, joiner, options).to(output)
  else if (kind === 'leftJoin') stream.leftJoin(other, joiner, options).to(output)
  else stream.outerJoin(other, joiner, options).to(output)
  return testDriver(builder)
}

/** `l a 10 x`: side, key, timestamp, value; returns what went out. */
function send(driver: TestDriver, record: string): string[] {
  const [side, key, timestamp, value] = record.split(' ') as [string, string, string, string]
  driver.send(side === 'l' ? left : right, { key, value, timestamp: Number(timestamp) })
  return driver.read(output).map(out => `${out.timestamp} ${out.value}`)
}

const cases: { name: string; kind: Kind; within: JoinWindows; steps: Record<string, string[]> }[] = [
  {
    name: 'wholly after: from 10 to 20 ms after the left record, both ends included',
    kind: 'join',
    within: { beforeMs: -10, afterMs: 20, graceMs: 50 },
    steps: {
      'l k 100 L': [],
      'r k 109 a': [],
      'r k 110 b': ['110 L+b'],
      'r k 120 c': ['120 L+c'],
      'r k 121 d': [],
      'l k 99 M': ['109 M+a', '110 M+b'],
    },
  },
  {
    name: 'wholly before: from 20 to 10 ms before the left record',
    kind: 'join',
    within: { beforeMs: 20, afterMs: -10, graceMs: 50 },
    steps: {
      'r k 100 R': [],
      'l k 109 a': [],
      'l k 110 b': ['110 b+R'],
      'l k 120 c': ['120 c+R'],
      'l k 121 d': [],
      'r k 101 S': ['120 c+S', '121 d+S'],
    },
  },
  {
    name: 'exactly so much later',
    kind: 'join',
    within: { beforeMs: -10, afterMs: 10, graceMs: 50 },
    steps: { 'l k 100 L': [], 'r k 109 a': [], 'r k 110 b': ['110 L+b'], 'r k 111 c': [] },
  },
  {
    name: 'what found no partner in the interval goes out when it is over',
    kind: 'leftJoin',
    within: { beforeMs: -10, afterMs: 20, graceMs: 0 },
    steps: {
      'l k 100 L': [],
      'r k 105 too-soon': [],
      'l z 120 on': [],
      'l z 121 on': ['100 L+null'],
    },
  },
  {
    name: 'a partner that comes in the interval is the only result',
    kind: 'leftJoin',
    within: { beforeMs: -10, afterMs: 20, graceMs: 0 },
    steps: { 'l k 100 L': [], 'r k 115 R': ['115 L+R'], 'l z 150 on': [] },
  },
]

for (const { name, kind, within, steps } of cases) {
  test(`${kind}: ${name}`, () => {
    const driver = joined(kind, within)
    for (const [record, expected] of Object.entries(steps)) {
      assert.deepEqual(send(driver, record), expected, record)
    }
  })
}

const seed = Number(process.env.EVERT_SEED ?? Math.floor(Math.random() * 2 ** 31))
const intervals: JoinWindows[] = [
  { beforeMs: -5, afterMs: 30, graceMs: 200 },
  { beforeMs: 30, afterMs: -5, graceMs: 200 },
  { beforeMs: -12, afterMs: 12, graceMs: 200 },
  { beforeMs: 7, afterMs: 0, graceMs: 200 },
]

for (const within of intervals) {
  const { beforeMs, afterMs } = within
  test(`every pair from ${-beforeMs} to ${afterMs} ms apart comes once, no other does (EVERT_SEED=${seed})`, () => {
    const random = seededRandom(seed)
    const below = (limit: number) => Math.floor(random() * limit)
    const records = Array.from({ length: 400 }, (_, i) => ({
      side: below(2) === 0 ? 'l' : 'r',
      key: 'ab'[below(2)] as string,
      timestamp: i * 2 + below(60),
      value: `v${i}`,
    }))
    const [lefts, rights] = ['l', 'r'].map(side => records.filter(record => record.side === side))
    const apart = new Map<string, number>()
    for (const l of lefts ?? []) {
      for (const r of rights ?? []) {
        if (l.key === r.key) apart.set(`${l.value}+${r.value}`, r.timestamp - l.timestamp)
      }
    }
    const inner = joined('join', within)
    const pairs = records.flatMap(({ side, key, timestamp, value }) =>
      send(inner, `${side} ${key} ${timestamp} ${value}`).map(line => line.split(' ')[1] as string),
    )
    assert.equal(new Set(pairs).size, pairs.length)
    const wanted = [...apart].filter(([, ms]) => -beforeMs <= ms && ms <= afterMs).map(([pair]) => pair)
    assert.ok(wanted.length > 5, `only ${wanted.length} pairs`)
    assert.deepEqual(pairs.toSorted(), wanted.toSorted())

    const outer = joined('outerJoin', within)
    const out = [
      ...records.map(({ side, key, timestamp, value }) => `${side} ${key} ${timestamp} ${value}`),
      'l z 9999 end',
    ]
      .flatMap(record => send(outer, record))
      .map(line => line.split(' ')[1] as string)
    const partnered = new Set(wanted.flatMap(pair => pair.split('+')))
    const alone = records
      .filter(({ value }) => !partnered.has(value))
      .map(({ side, value }) => (side === 'l' ? `${value}+null` : `null+${value}`))
    assert.deepEqual(out.toSorted(), [...wanted, ...alone].toSorted())
  })
}

test('an interval that ends before it begins is refused', () => {
  assert.throws(() => joined('join', { beforeMs: -10, afterMs: 9, graceMs: 0 }), { code: 'INVALID_TOPOLOGY' })
})
