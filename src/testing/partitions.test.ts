import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { int64, string } from '../contracts/codecs.ts'
import { json } from '../contracts/json.ts'
import { topic } from '../contracts/topic.ts'
import { partitionFor } from '../records/partitioner.ts'
import { StreamsBuilder } from '../streams/dsl/streams-builder.ts'
import { recordOf } from './scenario.ts'
import { testDriver, type TestDriverOptions } from './test-driver.ts'

const words = topic('words', { key: string, value: string })
const other = topic('other', { key: string, value: string })
const out = topic('out', { key: string, value: string })
const counts = topic('counts', { key: string, value: int64 })
const keys = Array.from({ length: 30 }, (_, i) => `key-${i}`)
const partitionOf = (key: string, partitions: number) => partitionFor(Buffer.from(key), partitions)

/** Says where each record was: `<task of the operator>:<partition it came from>`. */
function telling(): StreamsBuilder {
  const builder = new StreamsBuilder()
  builder
    .stream(words)
    .processValues<string>({
      value: string,
      create: ({ forward, partition }) => {
        return (value, _key, { source }) => forward(`${value} ${partition}:${source?.partition}`)
      },
    })
    .to(out)
  return builder
}

test('records go to the task of their partition: that of the key, the given one, or in turn', () => {
  const driver = testDriver(telling(), { partitions: { words: 3, out: 2 } })
  for (const key of keys) driver.send(words, { key, value: 'keyed', timestamp: 1 })
  const written = driver.read(out)
  assert.deepEqual(
    written.map(({ key, value }) => `${key} ${value}`),
    keys.map(key => `${key} keyed ${partitionOf(key, 3)}:${partitionOf(key, 3)}`),
  )
  assert.deepEqual(new Set(written.map(({ value }) => value)).size, 3)

  driver.send(words, { key: 'key-0', value: 'given', timestamp: 1, partition: 2 })
  for (let i = 0; i < 4; i++) driver.send(words, { key: null, value: 'free', timestamp: 1 })
  assert.deepEqual(
    driver.read(out).map(({ value }) => value),
    ['given 2:2', 'free 0:0', 'free 1:1', 'free 2:2', 'free 0:0'],
  )
  assert.throws(() => driver.send(words, { key: 'k', value: 'v', partition: 3 }), {
    code: 'INVALID_ARGUMENT',
    message: /"words" has no partition 3; it has 3, from 0 to 2\./,
  })
})

test('an output is read as a whole or by its partitions', () => {
  const driver = testDriver(telling(), { partitions: 3 })
  for (const key of keys) driver.send(words, { key, value: '', timestamp: 1 })
  assert.deepEqual(
    driver.read(out, { partition: 1 }).map(({ key }) => key),
    keys.filter(key => partitionOf(key, 3) === 1),
  )
  assert.deepEqual(
    driver.read(out).map(({ key }) => key),
    keys.filter(key => partitionOf(key, 3) !== 1),
  )
  assert.deepEqual(driver.writtenTopics, [])
})

test('repartition topics lie between the tasks, as wide as their input or as they were told', () => {
  for (const { partitions, expected } of [
    { partitions: undefined, expected: 3 },
    { partitions: 2, expected: 2 },
  ]) {
    const builder = new StreamsBuilder()
    const seen = new Set<number>()
    builder
      .stream(words)
      .selectKey(word => word)
      .repartition(partitions === undefined ? {} : { partitions })
      .processValues<string>({
        create:
          ({ forward, partition }) =>
          (word, _key, { source }) => {
            seen.add(source?.partition as number)
            assert.equal(source?.partition, partition)
            forward(word)
          },
      })
      .groupByKey()
      .count({ store: 'counts' })
    const driver = testDriver(builder, { partitions: { words: 3 } })
    for (const key of keys) driver.send(words, { key, value: `${key.length}${key}`, timestamp: 1 })
    assert.deepEqual(
      [...seen].toSorted((a, b) => a - b),
      Array.from({ length: expected }, (_, i) => i),
    )
    // The rows of all tasks, in the order of their keys.
    assert.deepEqual(
      driver.rows('counts').map(({ key }) => key),
      keys.map(key => `${key.length}${key}`).toSorted(),
    )
    assert.equal(driver.row('counts', '5key-7')?.value, 1)
    assert.equal(driver.row('counts', 'key-7'), undefined)
  }
})

test('every task has the whole of a global table', () => {
  for (const seed of [undefined, 1]) {
    const builder = new StreamsBuilder()
    const names = builder.globalTable(other, { store: 'names' })
    builder
      .stream(words)
      .joinGlobal(
        names,
        word => word,
        (word, name) => `${word} is ${name}`,
      )
      .to(out)
    const driver = testDriver(builder, {
      partitions: { words: 3, other: 2 },
      ...(seed !== undefined && { seed }),
    })
    driver.sendAll(keys.map(key => recordOf(other, { key, value: `name of ${key}` })))
    driver.sendAll(keys.map((key, i) => recordOf(words, { key, value: keys[29 - i] as string })))
    const joined = driver.read(out).map(({ key, value }) => `${key}: ${value}`)
    const expected = keys.map((key, i) => `${key}: ${keys[29 - i]} is name of ${keys[29 - i]}`)
    assert.deepEqual(joined.toSorted(), expected.toSorted())
    assert.equal(driver.rows('names').length, 30)
  }
})

test('topics that are joined must be partitioned alike, and the option names topics that there are', () => {
  const builder = new StreamsBuilder()
  builder
    .stream(words)
    .join(builder.table(other), word => word)
    .to(out)
  const cases: [TestDriverOptions['partitions'], string, RegExp][] = [
    [
      { words: 3, other: 2 },
      'INVALID_TOPOLOGY',
      /joined need the same number of partitions: words \(3\), other \(2\)/,
    ],
    [{ words: 3 }, 'INVALID_TOPOLOGY', /words \(3\), other \(1\)/],
    [
      { wrods: 3 },
      'INVALID_ARGUMENT',
      /"wrods", which the topology neither reads nor writes\. Its topics are/,
    ],
    [{ words: 0 }, 'INVALID_ARGUMENT', /partitions of "words" must be a whole number, 1 or more; got 0/],
    [1.5, 'INVALID_ARGUMENT', /partitions must be a whole number/],
  ]
  for (const [partitions, code, message] of cases) {
    assert.throws(() => testDriver(builder, { partitions: partitions as number }), { code, message })
  }
  testDriver(builder, { partitions: { words: 3, other: 3, out: 5 } })
})

/** All texts of every key in one row, in the order in which they came together. */
function gathering(): StreamsBuilder {
  const builder = new StreamsBuilder()
  builder
    .stream(words)
    .groupBy(() => 'all')
    .aggregate(
      () => [],
      (all, word) => [...all, word],
      { store: 'all', value: json(z.array(z.string())) },
    )
  return builder
}

function gathered(seed: number | undefined): string[] {
  const driver = testDriver(gathering(), { partitions: 3, ...(seed !== undefined && { seed }) })
  driver.sendAll(keys.map((key, i) => recordOf(words, { key, value: `${i}`, timestamp: i })))
  return driver.row<string, string[]>('all', 'all')?.value ?? []
}

test('a seed chooses an order of the tasks that can be: the same one each time, another for another seed', () => {
  const results = Array.from({ length: 40 }, (_, seed) => gathered(seed))
  for (const [seed, result] of results.entries()) {
    assert.deepEqual(gathered(seed), result)
    for (const partition of [0, 1, 2]) {
      const ofPartition = (list: readonly string[]) =>
        list.filter(text => partitionOf(keys[Number(text)] as string, 3) === partition)
      // Records of one partition come in its order.
      assert.deepEqual(ofPartition(result), ofPartition(keys.map((_, i) => `${i}`)))
    }
  }
  assert.ok(new Set(results.map(String)).size > 30)
  // Without a seed all come in the order in which they were sent.
  assert.deepEqual(
    gathered(undefined),
    keys.map((_, i) => `${i}`),
  )
})

test('what does not depend on timing is the same for every seed, and as with one partition', () => {
  const people = topic('people', { key: string, value: string })
  const cities = topic('cities', { key: string, value: string })
  const build = () => {
    const builder = new StreamsBuilder()
    const joined = builder.table(people).joinByForeignKey(
      builder.table(cities),
      city => city,
      (city, name) => `${city} ${name}`,
      { store: 'addresses', value: string },
    )
    joined.groupBy(address => address).count({ store: 'per-address' })
    return builder
  }
  const records = [
    ...keys.map((key, i) => recordOf(people, { key, value: `c${i % 4}`, timestamp: i })),
    ...keys.map((_, i) => recordOf(cities, { key: `c${i % 4}`, value: `name ${i}`, timestamp: i })),
    ...keys.map((key, i) =>
      recordOf(people, { key, value: i % 3 === 0 ? null : `c${i % 2}`, timestamp: 50 + i }),
    ),
  ]
  const rowsOf = (options: TestDriverOptions) => {
    const driver = testDriver(build(), options)
    driver.sendAll(records)
    return ['addresses', 'per-address'].map(store => driver.rows(store).map(({ key, value }) => [key, value]))
  }
  const expected = rowsOf({})
  assert.equal(expected[0]?.length, 20)
  for (let seed = 0; seed < 50; seed++) {
    assert.deepEqual(rowsOf({ partitions: { people: 3, cities: 2 }, seed }), expected, `seed ${seed}`)
  }
})

test('an error says with which seed it came', () => {
  const builder = new StreamsBuilder()
  builder
    .stream(words)
    .peek(word => {
      if (word === 'bad') throw new Error('no')
    })
    .to(out)
  const driver = testDriver(builder, { partitions: 2, seed: 7 })
  assert.equal(driver.seed, 7)
  assert.throws(() => driver.send(words, { key: 'k', value: 'bad', timestamp: 1 }), {
    code: 'TASK_FAILED',
    message: /no\. .* The driver's seed is 7\.$/,
  })
})

test('with a seed a scenario compares the order of each key, and partitions where they are given', () => {
  const builder = new StreamsBuilder()
  builder
    .stream(words)
    .groupBy(word => word)
    .count()
    .toStream()
    .to(counts)
  const sent = keys.map((key, i) => recordOf(words, { key, value: i % 2 === 0 ? 'a' : 'b', timestamp: i }))
  const expected = ['b', 'a'].flatMap(key =>
    Array.from({ length: 15 }, (_, i) =>
      recordOf(counts, { key, value: i + 1, partition: partitionOf(key, 2) }),
    ),
  )
  for (let seed = 0; seed < 10; seed++) {
    const options = { partitions: { words: 3, counts: 2 }, seed }
    testDriver(builder, options).given([]).when(sent).then(expected)
    const swapped = [...expected.slice(0, -2), ...expected.slice(-2).toReversed()]
    const wrong = testDriver(builder, options).given([]).when(sent)
    assert.throws(() => wrong.then(swapped), {
      code: 'ERR_ASSERTION',
      message: new RegExp(`; seed ${seed}:`),
    })
  }
})

test('the wall clock calls the punctuations of every task', () => {
  for (const seed of [undefined, 3]) {
    const builder = new StreamsBuilder()
    builder
      .stream(words)
      .process<string, string>({
        key: string,
        value: string,
        create: ({ schedule, forward, partition }) => {
          schedule(1_000, 'wall', nowMs => forward(`task ${partition}`, `${nowMs}`))
          return () => {}
        },
      })
      .to(out)
    const driver = testDriver(builder, { partitions: { words: 3 }, ...(seed !== undefined && { seed }) })
    driver.advanceWallClock(999)
    assert.deepEqual(driver.read(out), [])
    driver.advanceWallClock(1)
    assert.deepEqual(
      driver
        .read(out)
        .map(({ key, value }) => `${key} ${value}`)
        .toSorted(),
      ['task 0 1000', 'task 1 1000', 'task 2 1000'],
    )
  }
})

test('calls of asynchronous functions end in an order of the seed, and each key keeps its own', async () => {
  const orders = new Set<string>()
  for (let seed = 0; seed < 10; seed++) {
    const builder = new StreamsBuilder()
    builder
      .stream(words)
      .mapAsync(async word => word.toUpperCase(), { value: string, concurrency: 4, maxPending: 6 })
      .to(out)
    const driver = testDriver(builder, { partitions: { words: 2 }, seed })
    driver.sendAll(
      keys.map((_, i) => recordOf(words, { key: keys[i % 5] as string, value: `w${i}`, timestamp: i })),
    )
    await driver.settled()
    const written = driver.read(out)
    assert.equal(written.length, 30)
    for (const key of keys.slice(0, 5)) {
      assert.deepEqual(
        written.filter(record => record.key === key).map(({ value }) => value),
        keys.flatMap((_, i) => (keys[i % 5] === key ? [`W${i}`] : [])),
      )
    }
    orders.add(written.map(({ value }) => value).join())
  }
  assert.ok(orders.size > 5)
})

test('values are frozen in every task', () => {
  const documents = topic('documents', { key: string, value: json() })
  const builder = new StreamsBuilder()
  builder.stream(documents).peek(document => void ((document as { n: number }).n += 1))
  const driver = testDriver(builder, { partitions: 3, seed: 1 })
  assert.throws(() => driver.send(documents, { key: 'k', value: { n: 1 }, timestamp: 1, partition: 2 }), {
    code: 'TASK_FAILED',
    message: /read only property/,
  })
})
