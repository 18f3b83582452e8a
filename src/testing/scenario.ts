import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import type { Topic } from '../contracts/topic.ts'
import { EvertError } from '../errors.ts'
import type { RecordHeader } from '../records/record-batch.ts'
import { assertSameRecords } from './record-difference.ts'

/** A record of a topic, made by `recordOf`. */
export interface TopicRecord {
  readonly topic: Topic<unknown, unknown>
  readonly key: unknown
  readonly value: unknown
  readonly timestamp?: number
  readonly headers?: readonly RecordHeader[]
  readonly partition?: number
}

/**
 * A record as a scenario takes and expects it. To be sent: without a timestamp it has the driver's wall clock, without a
 * partition the one of its key. Expected: timestamp, headers and partition count only where they are given.
 */
export function recordOf<K, V>(
  topic: Topic<K, V>,
  record: {
    readonly key: K | null
    readonly value: V | null
    readonly timestamp?: number
    readonly headers?: readonly RecordHeader[]
    readonly partition?: number
  },
): TopicRecord {
  return { ...record, topic }
}

/** What happens: one record or several, or time that passes. */
export type Happening = TopicRecord | readonly TopicRecord[] | { readonly advanceWallClockMs: number }

/** What a scenario needs of a driver. */
export interface ScenarioDriver {
  readonly seed: number | undefined
  sendAll(records: readonly TopicRecord[]): void
  advanceWallClock(ms: number): void
  writtenTopics(): readonly string[]
  take(topic: Topic<unknown, unknown>): WrittenRecord[]
}

type WrittenRecord = Omit<TopicRecord, 'topic'>

/** Past the `given`: what follows is tested. Any test runner will do; a difference throws node:assert's AssertionError. */
export class Scenario {
  readonly #driver: ScenarioDriver
  readonly #topics: readonly Topic<unknown, unknown>[]

  /** `topics`: all that the topology writes. */
  constructor(driver: ScenarioDriver, topics: readonly Topic<unknown, unknown>[]) {
    this.#driver = driver
    this.#topics = topics
  }

  /** Nothing happens before `then` or `thenThrows` says what must come of it. */
  when(happening: Happening): Expectation {
    return new Expectation(
      {
        happen: () => this.#happen(happening),
        takeWritten: () => this.#takeWritten(),
        seed: this.#driver.seed,
      },
      this,
    )
  }

  #happen(happening: Happening): void {
    if ('advanceWallClockMs' in happening) return this.#driver.advanceWallClock(happening.advanceWallClockMs)
    this.#driver.sendAll(isList(happening) ? happening : [happening])
  }

  #takeWritten(): Map<string, WrittenRecord[]> {
    return new Map(
      this.#driver.writtenTopics().map(name => {
        const topic = this.#topics.find(each => each.name === name)
        assert.ok(topic !== undefined, `the topology does not declare the topic ${name}`)
        return [name, this.#driver.take(topic)]
      }),
    )
  }
}

interface Happened {
  readonly happen: () => void
  readonly takeWritten: () => Map<string, WrittenRecord[]>
  readonly seed: number | undefined
}

export class Expectation {
  readonly #happened: Happened
  readonly #scenario: Scenario

  constructor(happened: Happened, scenario: Scenario) {
    this.#happened = happened
    this.#scenario = scenario
  }

  /**
   * It happens, and these records must be all that is written: each topic's in this order, and nothing to other
   * topics. With a seed the order counts within each key: nobody can say how those of different keys come. Throws
   * AssertionError, and TASK_FAILED when the topology fails. The scenario goes on with the next `when`.
   */
  // oxlint-disable-next-line unicorn/no-thenable -- the word of given/when/then; awaiting it is refused with words
  then(expected: readonly TopicRecord[]): Scenario {
    if (!isList(expected)) {
      throw new EvertError(
        'INVALID_ARGUMENT',
        'A scenario is not a promise and must not be awaited: call then with the list of records expected.',
      )
    }
    const { happen, takeWritten, seed } = this.#happened
    happen()
    const written = takeWritten()
    const inOrder: typeof byKey = seed === undefined ? asTheyCame : byKey
    const byTopic = Map.groupBy(expected, record => record.topic.name)
    const actual: Record<string, object[]> = {}
    const wanted: Record<string, object[]> = {}
    for (const name of new Set([...byTopic.keys(), ...written.keys()])) {
      const records = inOrder(byTopic.get(name) ?? [])
      wanted[name] = records.map(asRead)
      actual[name] = inOrder(written.get(name) ?? []).map((record, i) => comparable(record, records[i]))
    }
    // oxlint-disable-next-line typescript/unbound-method -- it is looked for in the stack, not called
    assertSameRecords(actual, wanted, { seed, caller: Expectation.prototype.then })
    return this.#scenario
  }

  /** It happens, and must fail with an error like this (see node:assert's `throws`). */
  thenThrows(error: { readonly code?: string; readonly message?: RegExp | string }): void {
    assert.throws(this.#happened.happen, error)
  }
}

/** As a reader of the topic gets it: through its codecs. */
function asRead({ topic, key, value, timestamp, headers, partition }: TopicRecord): object {
  return {
    key: key === null ? null : topic.key.decode(topic.key.encode(key)),
    value: value === null ? null : topic.value.decode(topic.value.encode(value)),
    ...(timestamp === undefined ? {} : { timestamp }),
    ...(headers === undefined ? {} : { headers }),
    ...(partition === undefined ? {} : { partition }),
  }
}

function comparable(record: WrittenRecord, expected: TopicRecord | undefined): object {
  const { key, value, timestamp, headers, partition } = record
  return {
    key,
    value,
    ...(expected !== undefined && expected.timestamp === undefined ? {} : { timestamp }),
    ...(expected?.headers === undefined ? {} : { headers }),
    ...(expected?.partition === undefined ? {} : { partition }),
  }
}

function asTheyCame<T>(records: readonly T[]): readonly T[] {
  return records
}

/** Those of one key stay in their order. */
function byKey<T extends { readonly key: unknown }>(records: readonly T[]): readonly T[] {
  const keys = new Map(
    records.map(record => [record, inspect(record.key, { depth: Infinity, sorted: true })]),
  )
  const keyOf = (record: T) => keys.get(record) as string
  return records.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0))
}

function isList(happening: unknown): happening is readonly TopicRecord[] {
  return Array.isArray(happening)
}
