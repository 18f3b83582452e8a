import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StreamsBuilder, string, topic } from '../../src/index.ts'
import { testDriver } from '../../src/testing/index.ts'
import { readPairs, sendAll } from './pairs.ts'

const text = { key: string, value: string }
const input = topic('input', text)
const output = topic('output', text)
const upper = topic('upper', text)
const lower = topic('lower', text)

test('fan-out: one stream goes to two topics', () => {
  const builder = new StreamsBuilder()
  const lines = builder.stream(input)
  lines.map(line => line.toUpperCase(), { value: string }).to(upper)
  lines.map(line => line.toLowerCase(), { value: string }).to(lower)
  const driver = testDriver(builder)
  sendAll(driver, input, [
    [null, 'Hello'],
    [null, 'World'],
  ])
  assert.deepEqual(readPairs(driver, upper), [
    [null, 'HELLO'],
    [null, 'WORLD'],
  ])
  assert.deepEqual(readPairs(driver, lower), [
    [null, 'hello'],
    [null, 'world'],
  ])
})

test('map: every value in upper case', () => {
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .map(line => line.toUpperCase(), { value: string })
    .to(output)
  const driver = testDriver(builder)
  sendAll(driver, input, [
    [null, 'hello'],
    [null, 'world'],
  ])
  assert.deepEqual(readPairs(driver, output), [
    [null, 'HELLO'],
    [null, 'WORLD'],
  ])
})

test('mix and match: a processor of its own beside the operators hides the last byte of addresses', () => {
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .map(line => line.toUpperCase(), { value: string })
    .processValues({
      create:
        ({ forward }) =>
        line =>
          forward(line.replaceAll(/(\d{1,3}\.\d{1,3}\.\d{1,3}\.)\d{1,3}/g, '$1XXX')),
    })
    .to(output)
  const driver = testDriver(builder)
  sendAll(driver, input, [
    [null, 'Hello, 1.2.3.4!'],
    [null, 'foo 192.168.1.55 bar'],
  ])
  assert.deepEqual(readPairs(driver, output), [
    [null, 'HELLO, 1.2.3.XXX!'],
    [null, 'FOO 192.168.1.XXX BAR'],
  ])
})

test('pass-through: records go out as they came in', () => {
  const builder = new StreamsBuilder()
  builder.stream(input).to(output)
  const driver = testDriver(builder)
  sendAll(driver, input, [
    [null, 'hello'],
    [null, 'world'],
  ])
  assert.deepEqual(readPairs(driver, output), [
    [null, 'hello'],
    [null, 'world'],
  ])
})
