import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import { testDriver } from '../../src/testing/test-driver.ts'

const input = topic('in', { key: string, value: string })
const small = topic('small', { key: string, value: string })
const large = topic('large', { key: string, value: string })

const send = { key: 'k', timestamp: 1 }

test('a record goes to the one operator that is named, or to all', () => {
  const builder = new StreamsBuilder()
  const sorted = builder.stream(input).processValues({
    create:
      ({ forward }) =>
      value => {
        if (value === 'both') forward(value)
        else forward(value, { to: value.length < 4 ? 'write-small' : 'write-large' })
      },
  })
  sorted.to(small, { name: 'write-small' })
  sorted.to(large, { name: 'write-large' })
  const driver = testDriver(builder)
  for (const value of ['abc', 'abcdef', 'both']) driver.send(input, { ...send, value })
  assert.deepEqual(
    driver.read(small).map(({ value }) => value),
    ['abc', 'both'],
  )
  assert.deepEqual(
    driver.read(large).map(({ value }) => value),
    ['abcdef', 'both'],
  )
})

test('forwarding to an operator that does not follow fails and names those that do', () => {
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .processValues({
      create:
        ({ forward }) =>
        value =>
          forward(value, { to: 'elsewhere' }),
    })
    .to(small, { name: 'write-small' })
  const driver = testDriver(builder)
  assert.throws(
    () => driver.send(input, { ...send, value: 'a' }),
    /forwards to "elsewhere", which does not follow it\. What follows: write-small\./,
  )
})

test('a processor asks for a commit', () => {
  const builder = new StreamsBuilder()
  builder.stream(input).process({
    create:
      ({ commit }) =>
      value => {
        if (value === 'now') commit()
      },
  })
  const driver = testDriver(builder)
  driver.send(input, { ...send, value: 'later' })
  assert.equal(driver.takeCommitRequest(), false)
  driver.send(input, { ...send, value: 'now' })
  assert.equal(driver.takeCommitRequest(), true)
  assert.equal(driver.takeCommitRequest(), false)
})

test('processors are closed once, in the opposite order of their making, even if one throws', () => {
  const closed: string[] = []
  const builder = new StreamsBuilder()
  const processor = (name: string) => ({
    create: ({ forward }: { forward: (value: string) => void }) => ({
      process: (value: string) => forward(`${value}${name}`),
      close: () => {
        closed.push(name)
        if (name === 'b') throw new Error('b does not close')
      },
    }),
  })
  builder
    .stream(input)
    .processValues(processor('a'))
    .processValues(processor('b'))
    .processValues(processor('c'))
    .to(small)
  const driver = testDriver(builder)
  driver.send(input, { ...send, value: '-' })
  assert.deepEqual(
    driver.read(small).map(({ value }) => value),
    ['-abc'],
  )
  assert.deepEqual(closed, [])
  assert.throws(() => driver.close(), /b does not close/)
  // Children are made first.
  assert.deepEqual(closed, ['a', 'b', 'c'])
  driver.close()
  assert.equal(closed.length, 3)
})
