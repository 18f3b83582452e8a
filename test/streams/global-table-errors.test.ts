import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytes, string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import type { ErrorPolicy, FailedRecord } from '../../src/streams/processors/error-policy.ts'
import { testDriver } from '../../src/testing/test-driver.ts'

const products = topic('products', { key: string, value: string })
const raw = topic('products', { key: bytes, value: bytes })
const dead = topic('dead', { key: bytes, value: bytes })

function driverOf(onError: ErrorPolicy | undefined) {
  const builder = new StreamsBuilder()
  const shout = (product: string) => {
    if (product === 'bad') throw new Error('no such product')
    return product.toUpperCase()
  }
  builder.globalTable(products).map(shout, { store: 'shouted', value: string })
  return testDriver(builder, onError === undefined ? {} : { onError })
}

const unreadable = { key: Buffer.from('u'), value: Buffer.from([0xff]), timestamp: 1 }
const unmapped = { key: Buffer.from('m'), value: Buffer.from('bad'), timestamp: 2 }

/** What becomes of a record that does not decode, and of one whose function throws. */
const policies: [
  what: string,
  policy: ErrorPolicy | undefined,
  expected: [dropped: string[], letters: number],
][] = [
  ['none', undefined, [[], 0]],
  ['fail', 'fail', [[], 0]],
  ['skip', 'skip', [['deserialization', 'processing'], 0]],
  ['dead letters', { deadLetter: 'dead' }, [['deserialization', 'processing'], 2]],
  ['skip what does not decode', { deserialization: 'skip' }, [['deserialization'], 0]],
  ['dead letters of functions', { processing: { deadLetter: 'dead' } }, [['processing'], 1]],
  ['a function', (_, { kind }) => (kind === 'processing' ? 'skip' : 'fail'), [['processing'], 0]],
]

test('records that fail for a global table are dealt with as the policy says', () => {
  for (const [what, policy, [dropped, letters]] of policies) {
    const driver = driverOf(policy)
    for (const [kind, record] of [
      ['deserialization', unreadable],
      ['processing', unmapped],
    ] as const) {
      const send = () => driver.send(raw, record)
      if (dropped.includes(kind)) send()
      else {
        const message = /^The global table "shouted" stopped at products-0, offset \d: .* onError: skip/
        assert.throws(send, { code: 'TASK_FAILED', message }, `${what}, ${kind}`)
      }
    }
    driver.send(products, { key: 'p', value: 'pen', timestamp: 3 })
    assert.deepEqual(driver.rows('shouted'), [{ key: 'p', value: 'PEN', timestamp: 3 }], what)
    assert.deepEqual(
      driver.dropped(),
      dropped.map(reason => ({ task: 'global', operator: 'shouted', reason, count: 1 })),
      what,
    )
    assert.equal(driver.read(dead).length, letters, what)
  }
})

test('the handler of a global table is told the record, and the dead letter is the record as it was read', () => {
  const seen: FailedRecord[] = []
  const driver = driverOf((_, record) => {
    seen.push(record)
    return { deadLetter: 'dead' }
  })
  driver.send(raw, unmapped)
  assert.deepEqual(seen, [
    {
      kind: 'processing',
      application: 'test',
      task: 'global',
      node: 'shouted',
      topic: 'products',
      partition: 0,
      offset: 0,
      headers: [],
      ...unmapped,
    },
  ])
  const [letter] = driver.read(dead)
  assert.deepEqual([letter?.key, letter?.value, letter?.timestamp], [unmapped.key, unmapped.value, 2])
  const headers = new Map(letter?.headers.map(({ key, value }) => [key, String(value)]))
  assert.equal(headers.get('__streams.errors.message'), 'no such product')
})

test('records of a global table without a key are counted', () => {
  const driver = driverOf('fail')
  driver.send(products, { key: null, value: 'pen' })
  assert.deepEqual(driver.dropped(), [{ task: 'global', operator: 'shouted', reason: 'null-key', count: 1 }])
})
