import { isDeepStrictEqual } from 'node:util'
import { type TestDriver, testDriver } from '../../src/testing/test-driver.ts'
import type { Windowed } from '../../src/streams/processors/windowed-key.ts'
import { buildTopology, textTopic } from './build-topology.ts'
import type { Output, Row, Step, Vector } from './vector.ts'

/**
 * Runs a vector and returns undefined when it passed, else what differed first. Throws UnknownOperator when its
 * topology cannot be built.
 */
export function runVector(vector: Vector): string | undefined {
  const driver = testDriver(buildTopology(vector.topology))
  const outputTopics = vector.topology.filter(({ op }) => op === 'to').map(({ topic }) => topic as string)
  for (const [index, step] of vector.steps.entries()) {
    const difference = differenceOfStep(driver, step, outputTopics)
    if (difference !== undefined)
      return `step ${index} ${JSON.stringify({ ...step, out: undefined })}: ${difference}`
  }
  for (const [store, rows] of Object.entries(vector.stores)) {
    const difference = differenceOfStore(driver, store, rows)
    if (difference !== undefined) return `store ${store}: ${difference}`
  }
  return undefined
}

/** Order counts per topic, not between topics. */
function differenceOfStep(
  driver: TestDriver,
  step: Step,
  outputTopics: readonly string[],
): string | undefined {
  if (step.topic === undefined) driver.advanceWallClock(step.advanceWallClockMs as number)
  else {
    const { key = null, value = null, timestamp = 0 } = step
    driver.send(textTopic(step.topic), { key, value, timestamp })
  }
  const topics = new Set([...outputTopics, ...driver.writtenTopics, ...step.out.map(output => output.topic)])
  for (const topic of topics) {
    const expected = step.out.filter(output => output.topic === topic)
    const actual = driver
      .read(textTopic(topic))
      .map(({ key, value, timestamp }): Output => ({ topic, key, value, timestamp }))
    const difference = differenceOf(expected.map(plainOutput), actual.map(plainOutput))
    if (difference !== undefined) return `${topic}: ${difference}`
  }
  return undefined
}

/** Rows of key-value stores in key order; rows of windows as a set. */
function differenceOfStore(driver: TestDriver, store: string, expected: readonly Row[]): string | undefined {
  if (!driver.storeNames.includes(store)) return 'does not exist'
  const rows = driver.rows<string | Windowed<string>>(store)
  const actual = rows.map(({ key, value, timestamp }): Row => {
    return { ...(typeof key === 'string' ? { key } : key), value: String(value), timestamp }
  })
  if (rows.every(row => typeof row.key === 'string')) return differenceOf(expected, actual)
  // Rows of windows are listed without their end, rows of sessions without their timestamp.
  const listed = Object.keys(expected[0] ?? {})
  const texts = (list: readonly Row[]) => list.map(row => JSON.stringify(row, listed.toSorted())).toSorted()
  return differenceOf(texts(expected), texts(actual))
}

function plainOutput({ key, value, timestamp }: Output) {
  return { key, value, timestamp }
}

function differenceOf(expected: readonly unknown[], actual: readonly unknown[]): string | undefined {
  if (isDeepStrictEqual(expected, actual)) return undefined
  return `expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`
}
