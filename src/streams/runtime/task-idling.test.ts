import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TaskIdling } from './task-idling.ts'

interface Case {
  readonly name: string
  readonly maxIdleMs: number
  /** `[now, topic, records buffered, lag, must it wait, when the wait ends]` */
  readonly asked: readonly (readonly [number, string, number, number | undefined, boolean, number])[]
}

const cases: Case[] = [
  {
    name: 'by default an empty partition is waited for until it is known to be read to its end',
    maxIdleMs: 0,
    asked: [
      [1, 'a', 0, undefined, true, Infinity],
      [2, 'a', 0, 7, true, Infinity],
      [3, 'a', 0, 0, false, 3],
      [4, 'a', 0, 1, true, Infinity],
    ],
  },
  {
    name: 'a partition with records is waited for once they are gone, unless it is read to its end',
    maxIdleMs: 0,
    asked: [
      [1, 'a', 5, undefined, true, -Infinity],
      [1, 'a', 5, 3, true, -Infinity],
      [1, 'a', 5, 0, false, -Infinity],
    ],
  },
  {
    name: 'producers are given time from when the partition was found empty at its end',
    maxIdleMs: 100,
    asked: [
      [10, 'a', 0, 4, true, Infinity],
      [20, 'a', 0, 0, true, 120],
      [119, 'a', 0, 0, true, 120],
      [120, 'a', 0, 0, false, 120],
      [500, 'a', 0, 0, false, 120],
      [510, 'a', 1, 0, true, -Infinity],
      [520, 'a', 0, 0, true, 620],
    ],
  },
  {
    name: 'a partition that falls behind again is waited for anew',
    maxIdleMs: 100,
    asked: [
      [0, 'a', 0, 0, true, 100],
      [90, 'a', 0, 2, true, Infinity],
      [95, 'a', 0, 0, true, 195],
    ],
  },
  {
    name: 'the wait ends when it has ended for every empty partition',
    maxIdleMs: 100,
    asked: [
      [0, 'a', 0, 0, true, 100],
      [30, 'b', 0, 0, true, 130],
      [40, 'b', 0, 1, true, Infinity],
      [50, 'b', 9, 0, true, 100],
    ],
  },
  {
    name: 'with -1 nothing is waited for',
    maxIdleMs: -1,
    asked: [
      [1, 'a', 0, undefined, false, -Infinity],
      [1, 'a', 0, 7, false, -Infinity],
    ],
  },
]

for (const { name, maxIdleMs, asked } of cases) {
  test(`idling: ${name}`, () => {
    const idling = new TaskIdling(maxIdleMs)
    for (const [nowMs, topic, buffered, lag, waits, endsAtMs] of asked) {
      const at = `${topic} at ${nowMs}`
      assert.equal(idling.mustWait(topic, { buffered, lag }, nowMs), waits, at)
      assert.equal(idling.endsAtMs, endsAtMs, at)
    }
  })
}
