import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { readVectors } from './read-vectors.ts'
import { runVector } from './run-vector.ts'
import { UnknownOperator } from './vector.ts'

/** Kinds of topologies whose every vector must pass; FORMAT.md says what the others need. */
const KINDS = [
  'branch-merge',
  'cogroup',
  'cogroup-hopping',
  'cogroup-session',
  'cogroup-sliding',
  'cogroup-tumbling',
  'foreign-key-inner',
  'foreign-key-left',
  'join-chain',
  'pipeline',
  'self-join',
  'stateless',
  'stream-aggregate',
  'stream-global-inner',
  'stream-global-left',
  'stream-stream-inner',
  'stream-stream-left',
  'stream-stream-outer',
  'stream-table-inner',
  'stream-table-left',
  'stream-versioned-table-inner',
  'stream-versioned-table-left',
  'suppress-time-limit',
  'table-aggregate',
  'table-ops',
  'table-table-inner',
  'table-table-left',
  'table-table-outer',
  'to-table',
  'versioned-table-aggregate',
  'window-hopping',
  'window-hopping-on-close',
  'window-hopping-suppress',
  'window-session',
  'window-session-on-close',
  'window-session-suppress',
  'window-sliding',
  'window-sliding-on-close',
  'window-sliding-suppress',
  'window-tumbling',
  'window-tumbling-on-close',
  'window-tumbling-suppress',
]

const byKind = Map.groupBy(
  readVectors(join(import.meta.dirname, 'vectors')),
  vector => vector.name.split('/')[0] as string,
)

for (const kind of KINDS) {
  test(`${kind}: every vector gives what Kafka Streams gave`, () => {
    const vectors = byKind.get(kind) ?? []
    assert.ok(vectors.length > 0, `there are vectors of the kind ${kind}`)
    for (const vector of vectors) assert.equal(runVector(vector), undefined, vector.name)
  })
}

test('a vector with an unknown operator is neither passed nor failed', () => {
  const topology = [{ op: 'teleport', id: 'x' }]
  assert.throws(() => runVector({ name: 'x/0', topology, steps: [], stores: {} }), UnknownOperator)
})

test('a step that differs is reported with the topic, what was expected and what came', () => {
  const topology = [
    { op: 'stream', id: 's', topics: ['in'] },
    { op: 'to', from: 's', topic: 'out' },
  ]
  const step = { topic: 'in', key: 'a', value: 'x', timestamp: 1 }
  const out = [{ topic: 'out', key: 'a', value: 'y', timestamp: 1 }]
  assert.match(
    String(runVector({ name: 'x/0', topology, steps: [{ ...step, out }], stores: {} })),
    /^step 0 .*out: expected .*"value":"y".*, got .*"value":"x"/,
  )
  assert.match(
    String(runVector({ name: 'x/0', topology, steps: [{ ...step, out: [] }], stores: {} })),
    /expected \[\], got/,
  )
})

test('a store that differs is reported', () => {
  const topology = [{ op: 'table', id: 't', topic: 'in', store: 'rows' }]
  const steps = [{ topic: 'in', key: 'a', value: 'x', timestamp: 1, out: [] }]
  assert.equal(
    runVector({ name: 'x/0', topology, steps, stores: { rows: [{ key: 'a', value: 'x', timestamp: 1 }] } }),
    undefined,
  )
  assert.match(String(runVector({ name: 'x/0', topology, steps, stores: { rows: [] } })), /^store rows: /)
})
