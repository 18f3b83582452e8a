import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { testDriver } from '../../src/testing/test-driver.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import type { Windowed } from '../../src/streams/processors/windowed-key.ts'
import { type SlidingWindows, sliding } from '../../src/streams/processors/windows.ts'

const input = topic('in', { key: string, value: string })

function driverOf(windows: SlidingWindows, retentionMs?: number) {
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .groupByKey()
    .windowedBy(windows)
    .aggregate(
      () => '',
      (all, value) => all + value,
      { store: 'windows', value: string, ...(retentionMs === undefined ? {} : { retentionMs }) },
    )
  const driver = testDriver(builder)
  return {
    send: (key: string, value: string, timestamp: number) => driver.send(input, { key, value, timestamp }),
    /** `key@start-end value@timestamp` */
    rows: () =>
      driver
        .rows<Windowed<string>, string>('windows')
        .map(
          ({ key: { key, start, end }, value, timestamp }) => `${key}@${start}-${end} ${value}@${timestamp}`,
        ),
    index: () => driver.rows('windows-by-key').length,
    dropped: () => driver.dropped().reduce((sum, { count }) => sum + count, 0),
  }
}

test('records out of order give the windows that KIP-450 gives them', () => {
  const { send, rows } = driverOf(sliding({ timeDifferenceMs: 10, graceMs: 100 }))
  send('k', 'a', 12)
  assert.deepEqual(rows(), ['k@2-12 a@12'])
  send('k', 'b', 20)
  assert.deepEqual(rows(), ['k@2-12 a@12', 'k@10-20 ab@20', 'k@13-23 b@20'])
  send('k', 'c', 30)
  send('k', 'd', 25)
  assert.deepEqual(rows(), [
    'k@2-12 a@12',
    'k@10-20 ab@20',
    'k@13-23 b@20',
    'k@15-25 bd@25',
    'k@20-30 bcd@30',
    'k@21-31 cd@30',
    'k@26-36 c@30',
  ])
  send('k', 'e', 5)
  assert.deepEqual(rows().slice(0, 3), ['k@0-10 e@5', 'k@2-12 ae@12', 'k@6-16 a@12'])
})

test('records before the time difference share one window', () => {
  const { send, rows } = driverOf(sliding({ timeDifferenceMs: 10, graceMs: 100 }))
  send('k', 'a', 4)
  send('k', 'b', 1)
  assert.deepEqual(rows(), ['k@0-10 ab@4', 'k@2-12 a@4'])
  send('k', 'c', 0)
  assert.deepEqual(rows(), ['k@0-10 abc@4', 'k@1-11 ab@4', 'k@2-12 a@4'])
})

test('what comes too late for a window is counted, and goes into those that are open', () => {
  const { send, rows, dropped } = driverOf(sliding({ timeDifferenceMs: 10, graceMs: 5 }))
  send('other', 'x', 100)
  send('k', 'a', 84)
  assert.deepEqual([rows(), dropped()], [['other@90-100 x@100'], 1], 'no window that covers it is open')
  send('k', 'b', 96)
  send('k', 'c', 90)
  assert.deepEqual(
    [rows(), dropped()],
    [['k@86-96 bc@96', 'other@90-100 x@100', 'k@91-101 b@96'], 2],
    'the window that ends at 90 has closed',
  )
})

test('rows and their index are forgotten when the retention is over', () => {
  const { send, rows, index } = driverOf(sliding({ timeDifferenceMs: 10, graceMs: 0 }), 100)
  for (let time = 0; time < 1_000; time += 7) send('k', 'x', time)
  assert.ok(rows().length < 40, `${rows().length} rows`)
  assert.equal(index(), rows().length)
})

/** What the windows of one key must hold, straight from their definition. */
function expectedRows(times: readonly number[], difference: number): Map<number, number> {
  const within = (start: number) => times.filter(time => time >= start && time <= start + difference).length
  const starts = times.flatMap(time => [Math.max(0, time - difference), time + 1])
  return new Map(starts.filter(start => within(start) > 0).map(start => [start, within(start)]))
}

test('each key has exactly the windows that hold different records, whatever the order', () => {
  for (let seed = 1; seed <= 60; seed++) {
    let state = seed
    const random = (below: number) => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
      return Math.floor((state / 2_147_483_648) * below)
    }
    const difference = random(12)
    const { send, rows } = driverOf(sliding({ timeDifferenceMs: difference, graceMs: 1_000 }))
    const times = new Map<string, number[]>([
      ['a', []],
      ['ab', []],
    ])
    for (let i = 0; i < 30; i++) {
      const key = random(2) === 0 ? 'a' : 'ab'
      const time = random(60)
      times.get(key)?.push(time)
      send(key, 'x', time)
    }
    const expected = [...times].flatMap(([key, list]) =>
      Array.from(expectedRows(list, difference), ([start, count]) => `${key}@${start} ${count}`),
    )
    const actual = rows().map(row =>
      row.replace(/-\d+ (x+)@\d+$/, (_all, values: string) => ` ${values.length}`),
    )
    assert.deepEqual(actual.toSorted(), expected.toSorted(), `seed ${seed}`)
  }
})
