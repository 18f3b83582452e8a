import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HELP, readOptions, UsageError } from './options.ts'

const defaults = {
  port: undefined,
  kafkaPort: undefined,
  cluster: undefined,
  data: './data',
  seed: 1,
  rate: undefined,
  orders: undefined,
  importFile: undefined,
  exit: false,
}

test('options are read with their defaults', () => {
  const cases: [string, object][] = [
    ['', {}],
    ['--orders 500 --exit', { orders: 500, exit: true }],
    ['--import a.csv --seed=7 --rate 0', { importFile: 'a.csv', seed: 7, rate: 0 }],
    ['--port 0 --kafka-port 9093 --data d', { port: 0, kafkaPort: 9093, data: 'd' }],
    ['--cluster kafka://127.0.0.1:9092', { cluster: 'kafka://127.0.0.1:9092' }],
  ]
  for (const [line, expected] of cases) {
    assert.deepEqual(readOptions(line.split(' ').filter(Boolean)), { ...defaults, ...expected }, line)
  }
})

test('what is not an option is refused with words that help', () => {
  const cases: [string, RegExp][] = [
    ['--ordres 5', /--ordres.*Valid options: --port --kafka-port --data --cluster --seed --rate --orders/],
    ['orders', /'orders'.*Valid options/],
    ['--orders', /--orders.*Valid options/],
    ['--exit=yes --orders 1', /--exit.*Valid options/],
    ['--orders 0', /--orders needs a whole number from 1 to .*; got "0"/],
    ['--orders -5', /--orders/],
    ['--orders 1e3', /got "1e3"/],
    ['--port 65536', /--port needs a whole number from 0 to 65535/],
    ['--exit', /--exit needs --orders N or --import FILE/],
    ['--orders 5 --import a.csv', /not both/],
    ['--cluster kafka://x:1 --kafka-port 1', /leave it out with --cluster/],
  ]
  for (const [line, message] of cases) {
    assert.throws(
      () => readOptions(line.split(' ')),
      error => error instanceof UsageError && message.test(error.message),
      line,
    )
  }
})

test('help names every option', () => {
  assert.equal(readOptions(['--help']), undefined)
  for (const name of ['port', 'kafka-port', 'data', 'cluster', 'seed', 'rate', 'orders', 'import', 'exit']) {
    assert.match(HELP, new RegExp(`^  --${name} `, 'm'))
  }
})
