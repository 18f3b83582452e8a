import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import type { KTable } from '../../src/streams/dsl/ktable.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import { type TestDriver, testDriver } from '../../src/testing/test-driver.ts'

const text = { key: string, value: string }
const left = topic('left', text)
const right = topic('right', text)
const output = topic('out', text)
const joiner = (a: string | null, b: string | null): string => `${a}+${b}`

type Table = KTable<string, string>

function topology(
  build: (builder: StreamsBuilder, table: Table) => void,
  historyRetentionMs = 100,
): TestDriver {
  const builder = new StreamsBuilder()
  build(builder, builder.versionedTable(right, { historyRetentionMs, store: 'rows' }))
  return testDriver(builder)
}

/** `l a 10 x`: side, key (- for none), timestamp, value (- for none); returns what went out. */
function send(driver: TestDriver, record: string): string[] {
  const [side, key, timestamp, value] = record.split(' ') as [string, string, string, string]
  driver.send(side === 'l' ? left : right, {
    key: key === '-' ? null : key,
    value: value === '-' ? null : value,
    timestamp: Number(timestamp),
    headers: [{ key: 'sent', value: Buffer.from(timestamp) }],
  })
  return driver.read(output).map(out => `${out.key} ${out.timestamp} ${out.value}`)
}

function check(driver: TestDriver, steps: readonly (readonly [string, ...string[]])[]): void {
  for (const [record, ...expected] of steps) assert.deepEqual(send(driver, record), expected, record)
}

test('a stream joins the row as it was at the time of its record', () => {
  const driver = topology((builder, table) =>
    builder.stream(left).leftJoin(table, joiner, { value: string }).to(output),
  )
  check(driver, [
    ['r a 10 ten'],
    ['r a 20 twenty'],
    ['r a 30 -'],
    ['l a 9 x', 'a 9 x+null'],
    ['l a 10 x', 'a 10 x+ten'],
    ['l a 25 x', 'a 25 x+twenty'],
    ['l a 30 x', 'a 30 x+null'],
    ['r a 15 fifteen'],
    ['l a 17 x', 'a 17 x+fifteen'],
    ['l a 99 x', 'a 99 x+null'],
  ])
  assert.deepEqual(driver.rows('rows'), [], 'the latest row is the deletion')
})

test('what is behind the history is neither taken nor found, the latest row always is', () => {
  const driver = topology((builder, table) =>
    builder.stream(left).leftJoin(table, joiner, { value: string }).to(output),
  )
  check(driver, [
    ['r a 10 ten'],
    ['r a 20 twenty'],
    ['r b 15 fifteen'],
    ['r c 120 on'],
    ['l a 20 x', 'a 20 x+twenty'],
    ['r b 19 refused'],
    ['l a 19 x', 'a 19 x+null'],
    ['l b 19 x', 'b 19 x+fifteen'],
    ['r b 20 taken'],
    ['l b 21 x', 'b 21 x+taken'],
  ])
  assert.deepEqual(
    driver.dropped().map(({ reason, count }) => [reason, count]),
    [['expired', 1]],
  )
})

test('a filtered and mapped table is versioned too', () => {
  const driver = topology((builder, table) => {
    const filtered = table
      .filter(value => value !== 'hidden')
      .map(value => value.toUpperCase(), { value: string })
    builder.stream(left).leftJoin(filtered, joiner, { value: string, graceMs: 0 }).to(output)
  })
  check(driver, [
    ['r a 10 ten'],
    ['r a 20 hidden'],
    ['r a 30 thirty'],
    ['l a 15 x', 'a 15 x+TEN'],
    ['l a 25 x', 'a 25 x+null'],
    ['l a 35 x', 'a 35 x+THIRTY'],
  ])
})

test('with a grace, records wait for late rows and are then joined in order of time', () => {
  const driver = topology((builder, table) =>
    builder.stream(left).join(table, joiner, { value: string, graceMs: 10 }).to(output),
  )
  check(driver, [
    ['r a 1 one'],
    ['l a 12 x'],
    ['l a 11 y'],
    ['l a 11 z'],
    ['r a 5 five'],
    ['l b 22 on', 'a 11 y+five', 'a 11 z+five', 'a 12 x+five'],
    ['l a 11 late', 'a 11 late+five'],
    ['l a 12 last', 'a 12 last+five'],
    ['l a 99 -'],
    ['r b 20 row'],
    ['l b 32 on', 'b 22 on+row'],
  ])
})

test('a record that waited keeps its headers', () => {
  const driver = topology((builder, table) =>
    builder.stream(left).leftJoin(table, joiner, { value: string, graceMs: 10 }).to(output),
  )
  send(driver, 'l a 1 x')
  driver.send(left, { key: 'a', value: 'y', timestamp: 50 })
  const headers = [{ key: 'sent', value: Buffer.from('1') }]
  assert.deepEqual(driver.read(output), [{ key: 'a', value: 'x+null', timestamp: 1, headers }])
})

test('a left join with grace passes on a record without a key at once', () => {
  const driver = topology((builder, table) =>
    builder.stream(left).leftJoin(table, joiner, { value: string, graceMs: 10 }).to(output),
  )
  check(driver, [['l a 1 x'], ['l - 2 y', 'null 2 y+null'], ['l a 11 z', 'a 1 x+null']])
})

test('only the latest rows reach aggregates and joins of tables', () => {
  const counts = topology((_builder, table) =>
    table
      .groupBy(value => value)
      .count()
      .toStream()
      .map(value => String(value), { value: string })
      .to(output),
  )
  check(counts, [['r a 10 x', 'x 10 1'], ['r a 5 y'], ['r b 5 y', 'y 5 1'], ['r a 20 y', 'x 20 0', 'y 20 2']])

  const joins = topology((builder, table) =>
    table.join(builder.table(left), joiner, { value: string }).toStream().to(output),
  )
  check(joins, [['l a 1 L'], ['r a 10 x', 'a 10 x+L'], ['r a 5 y'], ['r a 12 z', 'a 12 z+L']])

  const foreign = topology((builder, table) =>
    table
      .joinByForeignKey(builder.table(left), value => value, joiner, { value: string })
      .toStream()
      .to(output),
  )
  check(foreign, [['l k 1 L'], ['r a 10 k', 'a 10 k+L'], ['r a 5 other'], ['l k 12 M', 'a 12 k+M']])

  const foreignRight = topology((builder, table) =>
    builder
      .table(left)
      .joinByForeignKey(table, value => value, joiner, { value: string })
      .toStream()
      .to(output),
  )
  check(foreignRight, [['l a 1 k'], ['r k 10 x', 'a 10 k+x'], ['r k 5 y'], ['r k 12 z', 'a 12 k+z']])
})

test('the stream of a versioned table has its rows as they come, and what follows counts each', () => {
  const driver = topology((_builder, table) => {
    const counts = table.toStream().groupByKey().count()
    counts
      .groupBy(value => String(value))
      .count()
      .toStream()
      .map(value => String(value), { value: string })
      .to(output)
  })
  check(driver, [['r a 10 x', '1 10 1'], ['r a 5 y', '1 10 0', '2 10 1'], ['r a 30 -']])
})

test('versions that can no longer be asked for are removed, of deleted keys all', () => {
  const driver = topology((builder, table) =>
    builder.stream(left).join(table, joiner, { value: string }).to(output),
  )
  for (let i = 0; i < 3_000; i++) {
    send(driver, `r k${i} ${i * 10} x`)
    send(driver, `r k${i} ${i * 10 + 1} y`)
    send(driver, `r k${i} ${i * 10 + 2} -`)
    send(driver, `r always ${i * 10} v${i}`)
  }
  assert.deepEqual(
    driver.rows('rows').map(row => row.key),
    ['always'],
  )
  const history = driver.rows('rows-history').length
  assert.ok(history < 150, `${history} entries of the history are left`)
})

test('misuse is refused with words that say what to do', () => {
  const builder = new StreamsBuilder()
  const stream = builder.stream(left)
  const versioned = builder.versionedTable(right, { historyRetentionMs: 50 })
  const plain = builder.table(output)
  const refused = (build: () => unknown, message: RegExp) =>
    assert.throws(build, { code: 'INVALID_TOPOLOGY', message })
  refused(
    () => stream.join(plain, joiner, { graceMs: 10, name: 'j' }),
    /"j" has a grace.*versionedTable\(topic, \{ historyRetentionMs \}\)/,
  )
  refused(
    () =>
      stream.join(
        versioned.filter(() => true, { store: 's' }),
        joiner,
        { graceMs: 10 },
      ),
    /has a grace.*before rows are kept in another store/,
  )
  refused(() => stream.join(versioned, joiner, { graceMs: 51 }), /graceMs of 51.*only 50 ms of history/)
  refused(() => stream.join(versioned, joiner, { graceMs: -1 }), /graceMs of whole milliseconds/)
  // @ts-expect-error the editor says it too
  refused(() => versioned.suppressUntilTimeLimit(10), /versioned table does not allow/)
  refused(
    () => new StreamsBuilder().versionedTable(right, { historyRetentionMs: -1 }),
    /"right" needs \{ historyRetentionMs \}/,
  )
})
