import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { bytes } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { partitionFor } from '../../src/records/partitioner.ts'
import type { RawRecord } from '../../src/testing/single-record.ts'
import { recordOf, testDriver } from '../../src/testing/index.ts'
import { comparable } from './comparable.ts'
import { type ApplicationCase, drawApplicationCase, PARTITIONS } from './disturbed-application.ts'
import { expectedOf } from './expected-of-application.ts'
import { topicOf } from './operators.ts'
import { differenceBetween, type Outcome, recordsAsText, rowsAsText } from './outcome.ts'
import { errorPolicyOf } from './plain-task.ts'
import { printProgram } from './program.ts'
import { DEAD_LETTERS } from './simulated-run.ts'

/*
 * What does not depend on timing is the same in every order that a test driver's seed chooses, over several partitions,
 * as in single tasks that take one record at a time.
 *
 *   EVERT_SEED=7 …                    that case alone, the one of seed 7
 *   EVERT_PROPERTY_SECONDS=600 …      longer; default 6
 */

const seconds = Number(process.env['EVERT_PROPERTY_SECONDS'] ?? 6)
const only = process.env['EVERT_SEED']

test('the orders of a test driver do not change what random topologies compute', async t => {
  const first = only === undefined ? randomInt(2 ** 31) : Number(only)
  const endMs = only === undefined ? performance.now() + seconds * 1_000 : 0
  let cases = 0
  let seed = first
  do {
    const drawn = drawApplicationCase(seed)
    const expected = drawn !== undefined && isTimeless(drawn) ? await expectedOf(drawn) : undefined
    if (drawn !== undefined && expected !== undefined) {
      for (let order = 0; order < 3; order++) {
        const difference = differenceBetween(expected, driven(drawn, order))
        if (difference === undefined) continue
        assert.fail(`EVERT_SEED=${seed}, order ${order}:\n${printProgram(drawn.program)}\n${difference}`)
      }
      cases++
    }
    seed++
  } while (performance.now() < endMs)
  t.diagnostic(`${cases} topologies in 3 orders each, seeds ${first} to ${seed - 1}`)
  assert.ok(only !== undefined || cases > 0)
})

/**
 * What is made of counts of a table is left out: a group that rows only pass through keeps a row with the count 0, and
 * whether they pass through it depends on the order.
 */
function isTimeless({ flavour, program: { steps } }: ApplicationCase): boolean {
  const isTaken = (index: number) => steps.some(({ from }) => from.includes(index))
  return flavour === 'rekeyed' && !steps.some(({ op }, index) => op === 'tableCountBy' && isTaken(index))
}

function driven(drawn: ApplicationCase, seed: number): Outcome {
  const { program, topology, inputs } = drawn
  const onError = errorPolicyOf(program)
  const driver = testDriver({ topology: () => topology }, { partitions: PARTITIONS, seed, onError })
  driver.sendAll(
    inputs.flat().map(({ topic: name, key, value, timestamp, headers }) =>
      recordOf(raw(name), {
        key,
        value,
        timestamp,
        headers,
        partition: partitionFor(key ?? Buffer.alloc(0), PARTITIONS),
      }),
    ),
  )
  const outcome = new Map<string, string[]>()
  for (const { stores } of topology.subTopologies) {
    for (const definition of stores) {
      const rows = driver.rows(definition.name)
      const asKept = rows.map(
        ({ key, value, timestamp }): [string, { value: unknown; timestamp: number }] => [
          definition.key.encode(key).toString('latin1'),
          { value, timestamp },
        ],
      )
      outcome.set(`store ${definition.name}`, rowsAsText(definition, asKept))
    }
  }
  for (const name of [...program.steps.map(step => topicOf(step, 'out').name), DEAD_LETTERS]) {
    const records: RawRecord[] = driver
      .read(raw(name))
      .map(({ key, value, timestamp, headers }) => ({ offset: 0, key, value, timestamp, headers }))
    outcome.set(`topic ${name}`, recordsAsText(records, name !== DEAD_LETTERS))
  }
  return comparable(outcome, drawn)
}

/** Its records as they are, whatever the topology makes of them. */
function raw(name: string) {
  return topic(name, { key: bytes, value: bytes })
}
