import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from './command.ts'
import { parseTarget } from './rewind-target.ts'

const NOW = Date.UTC(2026, 10, 21, 12)

test('a target is a place, a time, a time ago or a list of offsets', () => {
  const cases: [text: string, target: unknown][] = [
    ['beginning', 'beginning'],
    ['end', 'end'],
    ['2026-11-20', { timeMs: Date.UTC(2026, 10, 20) }],
    ['2026-11-20T08:30', { timeMs: Date.UTC(2026, 10, 20, 8, 30) }],
    ['2026-11-20 08:30:15.25', { timeMs: Date.UTC(2026, 10, 20, 8, 30, 15, 250) }],
    ['2026-11-20T08:30:00Z', { timeMs: Date.UTC(2026, 10, 20, 8, 30) }],
    ['2026-11-20T08:30:00+02:00', { timeMs: Date.UTC(2026, 10, 20, 6, 30) }],
    ['2026-11-20T08:30:00-0530', { timeMs: Date.UTC(2026, 10, 20, 14, 0) }],
    ['PT2H', { timeMs: Date.UTC(2026, 10, 21, 10) }],
    ['P1DT30M', { timeMs: Date.UTC(2026, 10, 20, 11, 30) }],
    ['PT0.5S', { timeMs: NOW - 500 }],
    ['a:0=12', { offsets: [{ topic: 'a', partition: 0, offset: 12 }] }],
    [
      'a.b-c:10=0, d:1=3',
      {
        offsets: [
          { topic: 'a.b-c', partition: 10, offset: 0 },
          { topic: 'd', partition: 1, offset: 3 },
        ],
      },
    ],
  ]
  for (const [text, target] of cases) assert.deepEqual(parseTarget(text, NOW), target, text)
})

test('what is no target is refused with what is one', () => {
  const cases: [text: string, message: RegExp][] = [
    ['', /none of these: beginning, end/],
    ['earliest', /called --to beginning here/],
    ['latest', /called --to end here/],
    ['yesterday', /none of these/],
    ['1763700000000', /none of these/],
    ['P', /none of these/],
    ['PT', /none of these/],
    ['2026-13-40', /no time of any day/],
    ['a:0=', /"a:0=" in --to is not TOPIC:PARTITION=OFFSET/],
    ['a=3', /not TOPIC:PARTITION=OFFSET/],
    ['a:0=1,', /"" in --to is not/],
    ['a:0=2,b:0=2,a:0=5', /partition 0 of "a" twice/],
    ['a:0=2,a:0=2', /partition 0 of "a" twice/],
    ['a:0=-1', /not TOPIC:PARTITION=OFFSET/],
  ]
  for (const [text, message] of cases) {
    assert.throws(
      () => parseTarget(text, NOW),
      error => error instanceof UsageError && message.test(error.message),
      text,
    )
  }
})
