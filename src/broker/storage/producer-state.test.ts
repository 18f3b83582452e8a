import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecordBatch } from '../../records/record-batch.ts'
import { errorName } from '../../wire/error-codes.ts'
import { ProducerStates } from './producer-state.ts'
import { batchOf } from './test-batches.ts'

const MAX = 2 ** 31 - 1

/** A step is a batch of producer 1 (epoch, sequence, count) or a marker, and what the state says to it. */
type Step =
  | readonly [epoch: number, sequence: number, count: number, answer: string, transactional?: true]
  | readonly ['commit' | 'abort', epoch: number, answer: string]

const cases: Record<string, readonly Step[]> = {
  'sequences go on where they stood': [
    [0, 0, 3, 'ok'],
    [0, 3, 1, 'ok'],
    [0, 5, 1, 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
    [0, 4, 1, 'ok'],
  ],
  'a repeated batch is known, one that only overlaps is not': [
    [0, 0, 3, 'ok'],
    [0, 3, 2, 'ok'],
    [0, 0, 3, 'repeats 0'],
    [0, 3, 2, 'repeats 3'],
    [0, 3, 1, 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
  ],
  'five batches are remembered': [
    [0, 0, 1, 'ok'],
    [0, 1, 1, 'ok'],
    [0, 2, 1, 'ok'],
    [0, 3, 1, 'ok'],
    [0, 4, 1, 'ok'],
    [0, 5, 1, 'ok'],
    [0, 1, 1, 'repeats 1'],
    [0, 0, 1, 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
  ],
  'sequences wrap at 2^31': [
    [0, MAX - 1, 2, 'ok'],
    [0, 0, 1, 'ok'],
    [0, 1, 1, 'ok'],
  ],
  'a batch may wrap inside': [
    [0, MAX, 3, 'ok'],
    [0, 2, 1, 'ok'],
    [0, MAX, 3, 'repeats 0'],
  ],
  'of an unknown producer any sequence is taken, in a transaction only 0': [
    [0, 17, 1, 'ok'],
    [0, 18, 1, 'ok'],
  ],
  'an unknown transactional producer begins at 0': [
    [0, 17, 1, 'OUT_OF_ORDER_SEQUENCE_NUMBER', true],
    [0, 0, 1, 'ok', true],
  ],
  'a new epoch begins at 0 and fences the old one': [
    [0, 0, 3, 'ok'],
    [1, 3, 1, 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
    [1, 0, 1, 'ok'],
    [0, 3, 1, 'INVALID_PRODUCER_EPOCH'],
  ],
  'a marker of a higher epoch ends the transaction and the epoch': [
    [0, 0, 2, 'ok', true],
    ['commit', 1, 'ends 0'],
    [0, 2, 1, 'INVALID_PRODUCER_EPOCH', true],
    [1, 0, 1, 'ok', true],
    ['abort', 0, 'INVALID_PRODUCER_EPOCH'],
    ['abort', 2, 'ends 3'],
    ['abort', 2, 'ends undefined'],
  ],
  'a marker of the same epoch lets the sequences go on': [
    [0, 0, 2, 'ok', true],
    ['commit', 0, 'ends 0'],
    [0, 2, 1, 'ok', true],
  ],
  'a batch outside of the open transaction is refused': [
    [0, 0, 1, 'ok', true],
    [0, 1, 1, 'INVALID_TXN_STATE'],
  ],
}

for (const [name, steps] of Object.entries(cases)) {
  test(`producers: ${name}`, () => {
    let offset = 0
    let states = new ProducerStates()
    for (const step of steps) {
      const answer = typeof step[0] === 'string' ? end(states, step, offset) : send(states, step, offset)
      assert.equal(answer, step[3] ?? step[2])
      if (answer === 'ok') offset += Number(step[2])
      else if (answer.startsWith('ends')) offset++
      // The state is what its snapshot says, at every step.
      states = ProducerStates.fromJson(JSON.parse(JSON.stringify(states.toJson())))
    }
  })
}

test('producers long silent are forgotten, but for those with an open transaction', () => {
  const states = new ProducerStates()
  const batch = (id: number, transactional: boolean) =>
    RecordBatch.at(batchOf(['x'], { producer: [id, 0, 0], transactional }))
  states.appended(batch(1, false), 0, 1000)
  states.appended(batch(2, true), 1, 1000)
  states.appended(batch(3, false), 2, 2000)
  states.expire(1500)
  assert.deepEqual(
    [1, 2, 3].map(id => states.duplicateOf(batch(id, id === 2)) !== undefined),
    [false, true, true],
  )
})

function send(states: ProducerStates, step: Step & readonly [number, ...unknown[]], offset: number): string {
  const [epoch, sequence, count, , transactional = false] = step
  const values = Array.from({ length: count }, () => 'x')
  const batch = RecordBatch.at(batchOf(values, { producer: [1, epoch, sequence], transactional }))
  const known = states.duplicateOf(batch)
  if (known !== undefined) return `repeats ${known.baseOffset}`
  const refused = states.refuse(batch)
  if (refused !== undefined) return errorName(refused.code)
  states.appended(batch, offset, 0)
  return 'ok'
}

function end(
  states: ProducerStates,
  [type, producerEpoch]: readonly ['commit' | 'abort', number, string],
  offset: number,
): string {
  const refused = states.refuseMarker(1, producerEpoch)
  if (refused !== undefined) return errorName(refused.code)
  return `ends ${states.ended({ producerId: 1, producerEpoch, type }, offset, 0)}`
}
