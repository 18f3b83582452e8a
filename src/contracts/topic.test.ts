import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertTopicName } from './topic.ts'

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
