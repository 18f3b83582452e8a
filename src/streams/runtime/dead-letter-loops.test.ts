import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { string } from '../../contracts/codecs.ts'
import { topic } from '../../contracts/topic.ts'
import { StreamsBuilder } from '../dsl/streams-builder.ts'
import type { ErrorDecision, ErrorPolicy } from '../processors/error-policy.ts'
import { refuseDeadLetterLoops } from './dead-letter-loops.ts'

/** Inputs and their own policies, and the application's. */
interface Case {
  readonly inputs: Readonly<Record<string, ErrorPolicy | undefined>>
  readonly policy?: ErrorPolicy
}

function check({ inputs, policy }: Case): void {
  const builder = new StreamsBuilder()
  for (const [name, onError] of Object.entries(inputs)) {
    const options = onError === undefined ? {} : { onError }
    builder.stream(topic(name, { key: string, value: string }), options).peek(() => {})
  }
  refuseDeadLetterLoops(builder.build('letters'), policy)
}

const to = (deadLetter: string): ErrorDecision => ({ deadLetter })

describe('dead letters that come back are refused', () => {
  const cases: [string, Case, RegExp][] = [
    ['to the input itself', { inputs: { a: undefined }, policy: to('a') }, /of the input "a" go to "a"/],
    ['by a policy of the stream', { inputs: { a: to('a') } }, /of the input "a" go to "a"/],
    ['of one kind', { inputs: { a: { processing: to('a') } } }, /"a"/],
    ['to another input', { inputs: { a: undefined, b: undefined }, policy: to('b') }, /input "b" go to "b"/],
    [
      'in a circle',
      { inputs: { a: to('b'), b: to('c'), c: to('a') } },
      /input "a" go to "b", .* to "a" again/,
    ],
  ]
  for (const [what, looping, message] of cases) {
    test(what, () => assert.throws(() => check(looping), { code: 'INVALID_TOPOLOGY', message }))
  }

  test('to the topic of a global table', () => {
    const builder = new StreamsBuilder()
    builder.globalTable(topic('rows', { key: string, value: string }))
    assert.throws(() => refuseDeadLetterLoops(builder.build('letters'), to('rows')), {
      code: 'INVALID_TOPOLOGY',
    })
  })
})

describe('dead letters that end somewhere are taken', () => {
  const cases: [string, Case][] = [
    ['in a topic that is not read', { inputs: { a: undefined }, policy: to('dead') }],
    ['in an input that skips what fails', { inputs: { a: to('dead'), dead: 'skip' } }],
    [
      'in an input with dead letters of its own',
      { inputs: { a: undefined, dead: to('worse') }, policy: to('dead') },
    ],
    ['nowhere', { inputs: { a: 'skip', b: undefined } }],
  ]
  for (const [what, ending] of cases) test(what, () => assert.doesNotThrow(() => check(ending)))
})
