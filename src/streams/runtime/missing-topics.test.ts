import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KafkaError } from '../../client/kafka-error.ts'
import { ManualClock } from '../../internal/clock.ts'
import { MissingTopics } from './missing-topics.ts'

const missing = [{ name: 'MISSING_SOURCE_TOPICS', detail: 'Source topics orders are missing.' }] as const

function watch() {
  const clock = new ManualClock(0)
  const failures: Error[] = []
  const topics = new MissingTopics({ clock, timeoutMs: 100, onGone: error => failures.push(error) })
  return { clock, failures, topics }
}

test('source topics that stay away are an error that names them and is not tried again', () => {
  const { clock, failures, topics } = watch()
  topics.onStatus(missing)
  clock.advance(60)
  topics.onStatus([...missing, { name: 'ASSIGNMENT_DELAYED', detail: '' }])
  clock.advance(39)
  assert.equal(failures.length, 0)
  clock.advance(1)
  const failure = failures.at(-1)
  assert.ok(failure instanceof KafkaError)
  assert.equal(failure.errorName, 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(failure.retryable, false)
  assert.match(failure.message, /Source topics orders are missing/)
})

test('source topics that come back in time are no error, and the next time counts anew', () => {
  const { clock, failures, topics } = watch()
  topics.onStatus(missing)
  clock.advance(60)
  topics.onStatus([])
  clock.advance(100)
  topics.onStatus(missing)
  clock.advance(99)
  assert.equal(failures.length, 0)
  topics.stop()
  clock.advance(100)
  assert.equal(failures.length, 0)
})
