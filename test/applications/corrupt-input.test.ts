import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytes, int64, StreamsBuilder, topic } from '../../src/index.ts'
import { testDriver } from '../../src/testing/index.ts'
import { readPairs, sendAll } from './pairs.ts'

const input = topic('input', { key: bytes, value: int64 })
const raw = topic('input', { key: bytes, value: bytes })
const output = topic('output', { key: bytes, value: int64 })

function doubling(): StreamsBuilder {
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .map(number => 2 * number, { value: int64 })
    .to(output)
  return builder
}

test('under onError: skip a record that does not decode is left out and counted', () => {
  const driver = testDriver(doubling(), { onError: 'skip' })
  driver.send(raw, { key: null, value: Buffer.from('corrupt') })
  sendAll(driver, input, [
    [null, 1],
    [null, 2],
    [null, 3],
  ])
  assert.deepEqual(readPairs(driver, output), [
    [null, 2],
    [null, 4],
    [null, 6],
  ])
  assert.deepEqual(
    driver.dropped().map(({ reason, count }) => [reason, count]),
    [['deserialization', 1]],
  )
})

test('without it the record stops the task', () => {
  const driver = testDriver(doubling())
  assert.throws(() => driver.send(raw, { key: null, value: Buffer.from('corrupt') }), { code: 'TASK_FAILED' })
})

test('of a source alone: it goes to a dead-letter topic as it was, and says why', () => {
  const builder = new StreamsBuilder()
  builder
    .stream(input, { onError: { deserialization: { deadLetter: 'poison' } } })
    .map(number => 2 * number, { value: int64 })
    .to(output)
  const driver = testDriver(builder)
  const poison = topic('poison', { key: bytes, value: bytes })
  driver.send(raw, { key: null, value: Buffer.from('corrupt'), timestamp: 7 })
  sendAll(driver, input, [[null, 1]])
  assert.deepEqual(readPairs(driver, output), [[null, 2]])
  const [letter] = driver.read(poison)
  assert.deepEqual([letter?.key, letter?.value?.toString(), letter?.timestamp], [null, 'corrupt', 7])
  const headers = Object.fromEntries(
    (letter?.headers ?? []).map(({ key, value }) => [key.replace('__streams.errors.', ''), String(value)]),
  )
  assert.deepEqual([headers['topic'], headers['partition'], headers['offset']], ['input', '0', '0'])
  assert.match(headers['message'] ?? '', /8 bytes/)
})
