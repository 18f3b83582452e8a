import assert from 'node:assert/strict'
import type { Topic } from '../contracts/topic.ts'
import { EvertError } from '../errors.ts'
import type { RecordHeader } from '../records/record-batch.ts'

/** A record of a topic, made by `recordOf`. */
export interface TopicRecord {
  readonly topic: Topic<unknown, unknown>
  readonly key: unknown
  readonly value: unknown
  readonly timestamp?: number
  readonly headers?: readonly RecordHeader[]
}

/**
 * A record as a scenario takes and expects it. To be sent: without a timestamp it has the driver's wall clock. Expected:
 * timestamp and headers count only where they are given.
 */
export function recordOf<K, V>(
  topic: Topic<K, V>,
  record: {
    readonly key: K | null
    readonly value: V | null
    readonly timestamp?: number
    readonly headers?: readonly RecordHeader[]
  },
): TopicRecord {
  return { ...record, topic }
}

/** What happens: one record or several, or time that passes. */
export type Happening = TopicRecord | readonly TopicRecord[] | { readonly advanceWallClockMs: number }

/** What a scenario needs of a driver. */
export interface ScenarioDriver {
  send(topic: Topic<unknown, unknown>, record: Omit<TopicRecord, 'topic'>): void
  read(topic: Topic<unknown, unknown>): Omit<TopicRecord, 'topic'>[]
  advanceWallClock(ms: number): void
  readonly writtenTopics: readonly string[]
}

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
      () => this.#happen(happening),
      () => this.#written(),
      this,
    )
  }

  #happen(happening: Happening): void {
    if ('advanceWallClockMs' in happening) return this.#driver.advanceWallClock(happening.advanceWallClockMs)
    const records = isList(happening) ? happening : [happening]
    for (const record of records) this.#driver.send(record.topic, record)
  }

  #written(): Map<string, Omit<TopicRecord, 'topic'>[]> {
    return new Map(
      this.#driver.writtenTopics.map(name => {
        const topic = this.#topics.find(each => each.name === name)
        assert.ok(topic !== undefined, `the topology does not declare the topic ${name}`)
        return [name, this.#driver.read(topic)]
      }),
    )
  }
}

export class Expectation {
  readonly #happen: () => void
  readonly #written: () => Map<string, Omit<TopicRecord, 'topic'>[]>
  readonly #scenario: Scenario

  constructor(
    happen: () => void,
    written: () => Map<string, Omit<TopicRecord, 'topic'>[]>,
    scenario: Scenario,
  ) {
    this.#happen = happen
    this.#written = written
    this.#scenario = scenario
  }

  /**
   * It happens, and these records must be all that is written: each topic's in this order, and nothing to other
   * topics. Throws AssertionError, and TASK_FAILED when the topology fails. The scenario goes on with the next `when`.
   */
  // oxlint-disable-next-line unicorn/no-thenable -- the word of given/when/then; awaiting it is refused with words
  then(expected: readonly TopicRecord[]): Scenario {
    if (!isList(expected)) {
      throw new EvertError(
        'INVALID_ARGUMENT',
        'A scenario is not a promise and must not be awaited: call then with the list of records expected.',
      )
    }
    this.#happen()
    const written = this.#written()
    const byTopic = Map.groupBy(expected, record => record.topic.name)
    const actual: Record<string, unknown[]> = {}
    const wanted: Record<string, unknown[]> = {}
    for (const name of new Set([...byTopic.keys(), ...written.keys()])) {
      const records = byTopic.get(name) ?? []
      wanted[name] = records.map(record => asRead(record))
      actual[name] = (written.get(name) ?? []).map((record, index) => comparable(record, records[index]))
    }
    assert.deepEqual(actual, wanted)
    return this.#scenario
  }

  /** It happens, and must fail with an error like this (see node:assert's `throws`). */
  thenThrows(error: { readonly code?: string; readonly message?: RegExp | string }): void {
    assert.throws(this.#happen, error)
  }
}

/** As a reader of the topic gets it: through its codecs. */
function asRead({ topic, key, value, timestamp, headers }: TopicRecord): object {
  return {
    key: key === null ? null : topic.key.decode(topic.key.encode(key)),
    value: value === null ? null : topic.value.decode(topic.value.encode(value)),
    ...(timestamp === undefined ? {} : { timestamp }),
    ...(headers === undefined ? {} : { headers }),
  }
}

function comparable(record: Omit<TopicRecord, 'topic'>, expected: TopicRecord | undefined): object {
  const { key, value, timestamp, headers } = record
  return {
    key,
    value,
    ...(expected !== undefined && expected.timestamp === undefined ? {} : { timestamp }),
    ...(expected?.headers === undefined ? {} : { headers }),
  }
}

function isList(happening: unknown): happening is readonly TopicRecord[] {
  return Array.isArray(happening)
}
