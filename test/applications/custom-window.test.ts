import { test } from 'node:test'
import { z } from 'zod'
import { int64, json, keyValueStore, StreamsBuilder, string, topic } from '../../src/index.ts'
import { recordOf, type TestDriver, testDriver } from '../../src/testing/index.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
const START_OF_DAY_MS = 18 * 60 * MINUTE_MS
const GRACE_MS = 30 * MINUTE_MS

const Day = z.object({ key: z.string(), start: z.number(), end: z.number() })
type Day = z.infer<typeof Day>

const input = topic('input', { key: string, value: int64 })
const output = topic('output', { key: json(Day), value: int64 })

/** The day around an instant, from 18:00 to 18:00 as clocks of the zone show it. */
function dayAround(instant: number, timeZone: string): { start: number; end: number } {
  const clocks = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    dateStyle: 'short',
    timeStyle: 'medium',
  })
  const offset = (at: number) => {
    const [day, month, year, hour, minute, second] = clocks.format(at).split(/\D+/).map(Number) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    return Date.UTC(year, month - 1, day, hour, minute, second) - at
  }
  const instantOf = (local: number) => local - offset(local - offset(local))
  const local = instant + offset(instant)
  const start = Math.floor((local - START_OF_DAY_MS) / DAY_MS) * DAY_MS + START_OF_DAY_MS
  return { start: instantOf(start), end: instantOf(start + DAY_MS) }
}

/** Sums of each day, one result when the day and the grace are over. */
function dailySums(timeZone: string): TestDriver {
  const sums = keyValueStore('sums', { key: json(Day), value: int64 })
  const builder = new StreamsBuilder()
  builder
    .stream(input)
    .process({
      stores: { sums },
      key: json(Day),
      create: context => {
        const { stores, forward, schedule } = context
        const isClosed = ({ end }: { end: number }, now: number) => end + GRACE_MS <= now
        schedule(MINUTE_MS, 'stream', now => {
          for (const [day, sum] of stores.sums.entries()) {
            if (!isClosed(day, now)) continue
            forward(day, sum, day.end - 1)
            stores.sums.delete(day)
          }
        })
        return (value, key, { timestamp }) => {
          const day = { key, ...dayAround(timestamp, timeZone) }
          if (isClosed(day, context.streamTimeMs)) return
          stores.sums.put(day, (stores.sums.get(day) ?? 0) + value)
        }
      },
    })
    .to(output)
  return testDriver(builder)
}

const at = (time: string) => Date.parse(time)
const added = (value: number, time: string) => recordOf(input, { key: 'k', value, timestamp: at(time) })
const summed = (sum: number, start: string, end: string) =>
  recordOf(output, { key: { key: 'k', start: at(start), end: at(end) }, value: sum })

const firstDay = ['2018-12-31T18:00Z', '2019-01-01T18:00Z'] as const
const secondDay = ['2019-01-01T18:00Z', '2019-01-02T18:00Z'] as const
const dayAfter = added(0, '2019-01-02T18:30Z')

test('the values of a day are summed up once', () => {
  dailySums('UTC')
    .given([])
    .when([added(1, '2019-01-01T16:29Z'), added(2, '2019-01-01T16:30Z'), added(7, '2019-01-01T16:31Z')])
    .then([])
    .when(added(0, '2019-01-01T18:29Z'))
    .then([])
    .when(added(0, '2019-01-01T18:30Z'))
    .then([summed(10, ...firstDay)])
})

test('a day begins at 18:00', () => {
  dailySums('UTC')
    .given([])
    .when([added(1, '2019-01-01T16:29Z'), added(2, '2019-01-01T16:30Z'), added(7, '2019-01-01T18:31Z')])
    .then([summed(3, ...firstDay)])
    .when(dayAfter)
    .then([summed(7, ...secondDay)])
})

test('a late value counts within the grace and not after it', () => {
  dailySums('UTC')
    .given([])
    .when([
      added(1, '2019-01-01T16:29Z'),
      added(2, '2019-01-01T16:30Z'),
      added(2, '2019-01-01T18:01Z'),
      added(7, '2019-01-01T16:31Z'),
    ])
    .then([])
    .when([added(40, '2019-01-01T18:31Z'), added(42, '2019-01-01T16:35Z')])
    .then([summed(10, ...firstDay)])
    .when(dayAfter)
    .then([summed(42, ...secondDay)])
})

test('the day on which clocks go forward has 23 hours and ends at 18:00', () => {
  dailySums('Europe/Paris')
    .given([added(1, '2019-03-30T18:00+01:00'), added(2, '2019-03-31T17:59+02:00')])
    .when(added(0, '2019-03-31T18:30+02:00'))
    .then([summed(3, '2019-03-30T18:00+01:00', '2019-03-31T18:00+02:00')])
})
