import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Optimization, StreamsBuilder } from '../../src/index.ts'
import { describeAsText } from '../../src/streams/graph/describe.ts'
import { fixture } from './fixture.ts'
import { TOPOLOGIES } from './topologies.ts'

interface Recorded {
  readonly name: string
  readonly optimization: 'none' | 'all' | Optimization
  readonly text: string
}

const recorded = fixture<Recorded>('topologies.jsonl')

/** Where Evert's plan itself is another one. */
const DIFFERENT: Readonly<Record<string, string>> = {
  'self-join': 'one node keeps the records and joins them, in Kafka Streams two',
  'foreign-key join': 'one node keeps the subscription and answers it, in Kafka Streams two',
  'named left foreign-key join': 'the same',
  'global table join': 'a global table is filled beside the topology and is no sub-topology of it',
}

for (const { name, optimization, text } of recorded) {
  const isDifferent = DIFFERENT[name] !== undefined
  test(`described ${isDifferent ? 'in another way than' : 'as'} Kafka Streams describes it: ${name}`, () => {
    const optimize =
      optimization === 'all' ? optimization : optimization === 'none' ? [] : ([optimization] as const)
    const builder = new StreamsBuilder({ optimize })
    const define = TOPOLOGIES[name]
    assert.ok(define !== undefined, 'the topology is not in topologies.ts')
    define(builder)
    const described = describeAsText(builder.build('app'))
    if (isDifferent) assert.notEqual(described, text)
    else assert.equal(described, text)
  })
}

test('every topology has its recorded text', () => {
  assert.deepEqual(Object.keys(TOPOLOGIES).toSorted(), recorded.map(({ name }) => name).toSorted())
})
