import assert from 'node:assert/strict'
import { test } from 'node:test'
import { int64, string } from '../contracts/codecs.ts'
import { topic } from '../contracts/topic.ts'
import { StreamsBuilder } from '../streams/dsl/streams-builder.ts'
import { recordOf } from './scenario.ts'
import { type TestDriver, testDriver } from './test-driver.ts'

const words = topic('words', { key: string, value: string })
const counts = topic('counts', { key: string, value: int64 })
const echo = topic('echo', { key: string, value: string })

function counting(): TestDriver {
  const builder = new StreamsBuilder()
  const stream = builder.stream(words).peek(word => {
    if (word === 'bad') throw new Error('no')
  })
  stream.groupByKey().count().toStream().to(counts)
  stream.filter((word): boolean => word === 'echo').to(echo)
  return testDriver(builder)
}

const word = (value: string, timestamp: number) => recordOf(words, { key: 'k', value, timestamp })
const headers = [{ key: 'h', value: Buffer.from('1') }]

test('what was given is forgotten, what happened is compared per topic, and the scenario goes on', () => {
  counting()
    .given([word('a', 1), word('echo', 2)])
    .when(word('echo', 3))
    .then([
      recordOf(echo, { key: 'k', value: 'echo', timestamp: 3 }),
      recordOf(counts, { key: 'k', value: 3, timestamp: 3 }),
    ])
    .when([word('b', 4), word('c', 5)])
    .then([recordOf(counts, { key: 'k', value: 4 }), recordOf(counts, { key: 'k', value: 5 })])
    .when({ advanceWallClockMs: 9 })
    .then([])
    .when(recordOf(words, { key: 'k', value: 'd', headers }))
    .then([recordOf(counts, { key: 'k', value: 6, headers })])
})

test('a difference of any kind is an assertion error', () => {
  const expectations: Parameters<ReturnType<ReturnType<TestDriver['given']>['when']>['then']>[0][] = [
    [],
    [recordOf(counts, { key: 'k', value: 2 })],
    [recordOf(counts, { key: 'l', value: 1 })],
    [recordOf(counts, { key: 'k', value: 1, timestamp: 2 })],
    [recordOf(counts, { key: 'k', value: 1, headers })],
    [recordOf(counts, { key: 'k', value: 1 }), recordOf(counts, { key: 'k', value: 1 })],
    [recordOf(counts, { key: 'k', value: 1 }), recordOf(echo, { key: 'k', value: 'a' })],
  ]
  for (const expected of expectations) {
    assert.throws(() => counting().given([]).when(word('a', 1)).then(expected), assert.AssertionError)
  }
  counting()
    .given([])
    .when(word('a', 1))
    .then([recordOf(counts, { key: 'k', value: 1 })])
})

test('a failure can be expected', () => {
  counting().given([]).when(word('bad', 1)).thenThrows({ code: 'TASK_FAILED', message: /no/ })
  const good = counting().given([]).when(word('good', 1))
  assert.throws(() => good.thenThrows({ code: 'TASK_FAILED' }), assert.AssertionError)
})

test('a scenario that is awaited says that it is no promise', async () => {
  const expectation = counting().given([]).when(word('a', 1))
  await assert.rejects(Promise.resolve<unknown>(expectation), {
    code: 'INVALID_ARGUMENT',
    message: /must not be awaited/,
  })
})

test('the message of a difference has a line for each record of the topics that differ', () => {
  const expectation = counting()
    .given([])
    .when([word('a', 1), word('b', 2), word('echo', 3)])
  assert.throws(
    () =>
      expectation.then([
        recordOf(counts, { key: 'k', value: 1 }),
        recordOf(counts, { key: 'k', value: 7, timestamp: 2 }),
        recordOf(counts, { key: 'k', value: 3 }),
        recordOf(echo, { key: 'k', value: 'echo' }),
      ]),
    {
      code: 'ERR_ASSERTION',
      message: [
        'The topology did not write what was expected (- expected, + written):',
        '  counts:',
        "      { key: 'k', value: 1 }",
        "    - { key: 'k', timestamp: 2, value: 7 }",
        "    + { key: 'k', timestamp: 2, value: 2 }",
        "      { key: 'k', value: 3 }",
      ].join('\n'),
    },
  )
})
