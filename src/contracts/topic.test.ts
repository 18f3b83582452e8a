import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { string } from './codecs.ts'
import { json } from './json.ts'
import { assertTopicName, topic } from './topic.ts'

test('topic names follow the rule of Kafka', () => {
  for (const name of ['orders', 'a', 'A.b_c-9', 'x'.repeat(249)]) assertTopicName(name)
})

test('illegal topic names are refused with the reason', () => {
  const cases: [string, RegExp][] = [
    ['', /is empty/],
    ['.', /is "\." or "\.\."/],
    ['..', /is "\." or "\.\."/],
    ['../etc/passwd', /has a character other than/],
    ['a b', /has a character other than/],
    ['ünïcode', /has a character other than/],
    ['nul\0', /has a character other than/],
    ['x'.repeat(250), /has 250 characters, more than 249/],
  ]
  for (const [name, message] of cases) {
    assert.throws(() => assertTopicName(name), { code: 'INVALID_TOPIC_NAME', message })
  }
})

test('what is no codec is refused with what to write', () => {
  const schema = z.object({ id: z.string() })
  const cases: [unknown, RegExp][] = [
    [
      undefined,
      /needs the codecs of its records: topic\("orders", \{ key: string, value: json\(schema\) \}\)/,
    ],
    [{}, /a codec as its key; nothing is none\. Codecs are string, /],
    [{ key: string, value: 'json' }, /a codec as its value; "json" is none/],
    [{ key: string, value: json }, /a codec as its value; a function is none/],
    [{ key: string, value: schema }, /a codec as its value; a schema is none: use json\(schema\)/],
  ]
  for (const [options, message] of cases) {
    assert.throws(() => topic('orders', options as never), { code: 'INVALID_ARGUMENT', message })
  }
  assert.equal(topic('orders', { key: string, value: json(schema) }).name, 'orders')
})
