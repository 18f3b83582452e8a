import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  bytes,
  type ErrorPolicy,
  type FailedRecord,
  int64,
  json,
  StreamsBuilder,
  string,
  topic,
} from '../../src/index.ts'
import { testDriver, type TestDriver } from '../../src/testing/index.ts'

const MAX = 300

const ins = topic('in', { key: string, value: string })
const raw = topic('in', { key: bytes, value: bytes })
const small = topic('small', { key: string, value: string, configs: { 'max.message.bytes': String(MAX) } })
const large = topic('large', { key: string, value: string })
const dead = topic('dead', { key: bytes, value: bytes })

/**
 * Counts what it reads, passes it on to a topic that takes little and one that takes much. `bad` is refused by a
 * function, `odd` does not encode, what is long does not fit.
 */
function program(onError?: ErrorPolicy): StreamsBuilder {
  const builder = new StreamsBuilder()
  const source = builder.stream(ins, { name: 'read', ...(onError !== undefined && { onError }) })
  source.groupByKey().count({ store: 'counted', name: 'count' })
  const passed = source.map(
    value => {
      if (value === 'bad') throw new Error('no bad values')
      return value === 'odd' ? (7 as unknown as string) : value
    },
    { value: string, name: 'check' },
  )
  passed.to(small, { name: 'to-small' })
  passed.map(firstOf, { value: string, name: 'cut' }).to(large)
  return builder
}

/** Of what need not be a string. */
const firstOf = (value: unknown) => String(value).slice(0, 5)

const utf8 = (value: string) => ({ key: 'k', value, timestamp: 5 })
const unreadable = { key: Buffer.from('k'), value: Buffer.from([0xff]), timestamp: 5 }
const LONG = 'x'.repeat(MAX)

/** Each kind of failure, between two good records. */
function sendAll(driver: TestDriver): void {
  driver.send(ins, utf8('one'))
  driver.send(raw, unreadable)
  driver.send(ins, utf8('bad'))
  driver.send(ins, utf8(LONG))
  driver.send(ins, utf8('odd'))
  driver.send(ins, utf8('two'))
}

function outcome(driver: TestDriver) {
  const values = (from: typeof small) => driver.read(from).map(({ value }) => value)
  return {
    small: values(small),
    large: values(large),
    count: driver.row('counted', 'k')?.value,
    dropped: driver
      .dropped()
      .map(({ operator, reason, count }) => `${operator} ${reason} ${count}`)
      .toSorted(),
    letters: driver.read(dead).map(({ value }) => value?.toString('latin1')),
  }
}

describe('what each policy leaves', () => {
  const dropped = ['check processing 1', 'check deserialization 1', 'to-small production 2'].toSorted()
  const rest = { small: ['one', 'two'], large: ['one', 'xxxxx', '7', 'two'], count: 4 }
  const letters = ['\xff', 'bad', LONG, 'odd']

  test('skip, for all', () => {
    const driver = testDriver(program(), { onError: 'skip' })
    sendAll(driver)
    assert.deepEqual(outcome(driver), { ...rest, dropped, letters: [] })
  })

  test('dead letters of all, with the raw input record also where an output failed', () => {
    const driver = testDriver(program(), { onError: { deadLetter: 'dead' } })
    sendAll(driver)
    assert.deepEqual(outcome(driver), { ...rest, dropped, letters: letters.map(text => text) })
  })

  test('one for each kind', () => {
    const driver = testDriver(program(), {
      onError: { deserialization: 'skip', processing: { deadLetter: 'dead' }, production: 'skip' },
    })
    sendAll(driver)
    assert.deepEqual(outcome(driver), { ...rest, dropped, letters: ['bad'] })
  })

  test('a function that decides by the error and its record', () => {
    const seen: FailedRecord[] = []
    const driver = testDriver(program(), {
      applicationId: 'deciding',
      onError: (error, record) => {
        seen.push(record)
        assert.ok(error instanceof Error)
        return record.kind === 'production' ? 'skip' : { deadLetter: 'dead' }
      },
    })
    sendAll(driver)
    assert.deepEqual(outcome(driver), { ...rest, dropped, letters: ['\xff', 'bad'] })
    assert.deepEqual(
      seen.map(({ kind, node, offset }) => [kind, node, offset]),
      [
        ['deserialization', 'check', 1],
        ['processing', 'check', 2],
        ['production', 'to-small', 3],
        ['production', 'to-small', 4],
      ],
    )
    assert.deepEqual(seen[1], {
      kind: 'processing',
      application: 'deciding',
      task: '0_0',
      node: 'check',
      topic: 'in',
      partition: 0,
      offset: 2,
      timestamp: 5,
      key: Buffer.from('k'),
      value: Buffer.from('bad'),
      headers: [],
    })
  })

  test('one of the source, which takes precedence, and what it leaves out is the application’s', () => {
    const driver = testDriver(program({ processing: { deadLetter: 'dead' } }), {
      onError: { deserialization: 'skip', processing: 'fail', production: 'skip' },
    })
    sendAll(driver)
    assert.deepEqual(outcome(driver), { ...rest, dropped, letters: ['bad'] })
  })
})

describe('a kind that is left out stops the task', () => {
  const others = { deserialization: 'skip', processing: 'skip', production: 'skip' } as const
  const cases: [keyof typeof others, (driver: TestDriver) => void, RegExp][] = [
    [
      'deserialization',
      driver => driver.send(raw, unreadable),
      /Task 0_0 stopped at in-0, offset 0, in node check: .*not UTF-8/,
    ],
    ['processing', driver => driver.send(ins, utf8('bad')), /offset 0, in node check: no bad values/],
    [
      'production',
      driver => driver.send(ins, utf8(LONG)),
      /offset 0, in node to-small: The record for the topic "small" takes 371 bytes \(key 1, value 300, headers 0\), .* at most 300\./,
    ],
    ['production', driver => driver.send(ins, utf8('odd')), /in node to-small: The codec "string"/],
  ]
  for (const [kind, send, message] of cases) {
    test(`${kind}: ${message.source}`, () => {
      const driver = testDriver(program(), { onError: { ...others, [kind]: 'fail' } })
      assert.throws(() => send(driver), { code: 'TASK_FAILED', message })
      assert.throws(() => send(testDriver(program())), { code: 'TASK_FAILED', message })
    })
  }
})

test('what fails behind an output that was left out takes back its dead letter too', () => {
  const builder = new StreamsBuilder()
  const source = builder.stream(ins)
  source.to(small, { name: 'to-small' })
  source.peek(() => {
    throw new Error('later')
  })
  const driver = testDriver(builder, { onError: { deadLetter: 'dead' } })
  driver.send(ins, utf8(LONG))
  const letters = driver.read(dead)
  assert.equal(letters.length, 1)
  assert.equal(headerOf(letters[0], 'message'), 'later')
})

test('a partition that there is not, and a topic that was not declared, are outputs that fail', () => {
  const builder = new StreamsBuilder()
  const source = builder.stream(ins)
  source.to(large, { name: 'by-number', partition: value => Number(value) })
  source.to(value => (value === '0' ? 'small' : 'nowhere'), { topics: [small], name: 'by-name' })
  const driver = testDriver(builder, { onError: { production: { deadLetter: 'dead' } } })
  for (const value of ['0', '1', '0']) driver.send(ins, utf8(value))
  assert.equal(driver.read(large).length, 2)
  assert.equal(driver.read(small).length, 2)
  assert.deepEqual(
    driver
      .read(dead)
      .map(letter => [headerOf(letter, 'node'), headerOf(letter, 'code'), headerOf(letter, 'message')]),
    [
      [
        'by-number',
        'INVALID_VALUE',
        'The partitioner chose the partition 1: the topic has the partitions 0 to 0.',
      ],
      [
        'by-name',
        'INVALID_VALUE',
        'The topic "nowhere" is not among those that "by-name" may write to: small. Declare it in { topics: […] }.',
      ],
    ],
  )
})

test('what does not go into a repartition topic fails its record, as processing', () => {
  const builder = new StreamsBuilder()
  const source = builder.stream(ins)
  source.to(large)
  source
    .groupBy(value => (value === 'odd' ? (7 as unknown as string) : value), { key: string, name: 'by-value' })
    .count({ store: 'n' })
  const driver = testDriver(builder, { onError: { processing: 'skip' } })
  for (const value of ['a', 'odd', 'a']) driver.send(ins, utf8(value))
  assert.equal(driver.read(large).length, 2)
  assert.deepEqual(driver.row('n', 'a')?.value, 2)
  assert.deepEqual(
    driver.dropped().map(({ reason, count }) => [reason, count]),
    [['processing', 1]],
  )
})

test('a punctuation that fails is taken back as a whole; its dead letter has no record', () => {
  for (const onError of ['skip', { deadLetter: 'dead' }] as const) {
    const driver = testDriver(ticking(), { onError: { processing: onError } })
    driver.send(ins, { key: 'k', value: 'a', timestamp: 10 })
    driver.send(ins, { key: 'k', value: 'b', timestamp: 20 })
    driver.send(ins, { key: 'k', value: 'c', timestamp: 30 })
    assert.deepEqual(
      driver.read(large).map(({ value }) => value),
      ['10', '30'],
    )
    assert.deepEqual(driver.dropped(), [{ task: '0_0', operator: 'tick', reason: 'processing', count: 1 }])
    const letters = driver.read(dead)
    assert.equal(letters.length, onError === 'skip' ? 0 : 1)
    for (const letter of letters) {
      assert.deepEqual([letter.key, letter.value, letter.timestamp], [null, null, 20])
      assert.equal(headerOf(letter, 'message'), 'no twenties')
      assert.equal(headerOf(letter, 'topic'), undefined)
    }
  }
  const driver = testDriver(ticking(), { onError: { deserialization: 'skip', production: 'skip' } })
  driver.send(ins, { key: 'k', value: 'a', timestamp: 10 })
  assert.throws(() => driver.send(ins, { key: 'k', value: 'b', timestamp: 20 }), {
    code: 'TASK_FAILED',
    message: /Task 0_0 stopped in a punctuation at 20, in node tick: no twenties/,
  })
})

/** Tells the time each ten milliseconds, and fails at twenty after it did. */
function ticking(): StreamsBuilder {
  const builder = new StreamsBuilder()
  builder
    .stream(ins)
    .process(
      {
        key: string,
        value: string,
        create: ({ schedule, forward }) => {
          schedule(10, 'stream', timeMs => {
            forward('time', String(timeMs))
            if (timeMs === 20) throw new Error('no twenties')
          })
          return () => {}
        },
      },
      { name: 'tick' },
    )
    .to(large)
  return builder
}

describe('a handler that does not decide stops the task', () => {
  for (const [what, onError, message] of [
    ['by what it throws', () => assert.fail('undecided'), /in node check: undecided/],
    ['by what it gives back', () => undefined, /must return "fail", "skip" or \{ deadLetter: TOPIC \}/],
    ['by a promise', async () => 'skip', /at once/],
  ] as const) {
    test(what, () => {
      const driver = testDriver(program(), { onError: onError as () => 'skip' })
      assert.throws(() => driver.send(ins, utf8('bad')), { code: 'TASK_FAILED', message })
    })
  }
})

test('a function that catches what it called cannot hide that an output failed', () => {
  const builder = new StreamsBuilder()
  builder
    .stream(ins)
    .process({
      key: string,
      value: string,
      create:
        ({ forward }) =>
        (value, key) => {
          try {
            forward(key, value)
          } catch {}
        },
    })
    .to(small)
  const driver = testDriver(builder, { onError: { processing: 'skip' } })
  assert.throws(() => driver.send(ins, utf8(LONG)), { code: 'TASK_FAILED' })
})

test('a dead letter that is too large loses its stack, and then stops the task', () => {
  const letters = (maxBytes: number) =>
    topic('dead', { key: bytes, value: bytes, configs: { 'max.message.bytes': String(maxBytes) } })
  const send = (maxBytes: number) => {
    const builder = program()
    // Declares the topic.
    builder.stream(topic('unused', { key: bytes, value: bytes })).to(letters(maxBytes))
    const driver = testDriver(builder, { onError: { deadLetter: 'dead' } })
    driver.send(ins, utf8('bad'))
    return driver.read(letters(maxBytes))
  }
  assert.match(headerOf(send(10_000)[0], 'stacktrace') ?? '', /no bad values\n.*at /)
  assert.equal(headerOf(send(600)[0], 'stacktrace'), undefined)
  assert.throws(() => send(200), {
    code: 'TASK_FAILED',
    message: /The dead letter for the topic "dead" takes \d+ bytes .* at most 200/,
  })
})

test('one topic has one policy', () => {
  const builder = new StreamsBuilder()
  builder.stream(ins)
  assert.throws(() => builder.stream(ins, { onError: 'skip' }), {
    code: 'INVALID_TOPOLOGY',
    message: /"in" is read twice with different \{ onError \}/,
  })
  assert.throws(() => builder.table(large, { onError: 'ignore' as 'skip' }), { code: 'INVALID_TOPOLOGY' })
})

test('the policy of a table’s source is met by its rows', () => {
  const numbers = topic('numbers', { key: string, value: int64 })
  const builder = new StreamsBuilder()
  builder
    .table(numbers, { onError: { deserialization: 'skip' } })
    .map(value => value + 1, { value: json() })
    .toStream()
    .to(topic('more', { key: string, value: json() }))
  const driver = testDriver(builder)
  driver.send(topic('numbers', { key: string, value: bytes }), { key: 'k', value: Buffer.from('short') })
  assert.deepEqual(
    driver.dropped().map(({ reason }) => reason),
    ['deserialization'],
  )
})

function headerOf(
  record: { readonly headers: readonly { key: string; value: Buffer | null }[] } | undefined,
  name: string,
): string | undefined {
  return record?.headers.find(({ key }) => key === `__streams.errors.${name}`)?.value?.toString()
}
