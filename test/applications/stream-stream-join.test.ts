import { test } from 'node:test'
import { StreamsBuilder, string, topic } from '../../src/index.ts'
import { recordOf, type TestDriver, testDriver } from '../../src/testing/index.ts'

const text = { key: string, value: string }
const impressions = topic('ad-impressions', text)
const clicks = topic('ad-clicks', text)
const output = topic('impressions-and-clicks', text)

const shown = (ad: string, timestamp: number) => recordOf(impressions, { key: ad, value: 'shown', timestamp })
const clicked = (ad: string, timestamp: number) => recordOf(clicks, { key: ad, value: 'clicked', timestamp })
const joined = (ad: string, value: string) => recordOf(output, { key: ad, value })

test('impressions meet their clicks, and those without go out alone once they can have none', () => {
  const builder = new StreamsBuilder()
  builder
    .stream(impressions)
    .outerJoin(
      builder.stream(clicks),
      (impression, click) => `${impression ?? 'not-shown-yet'}/${click ?? 'not-clicked-yet'}`,
      { within: { beforeMs: 5_000, afterMs: 5_000, graceMs: 0 }, value: string },
    )
    .to(output)
  testDriver(builder)
    .given([])
    .when([shown('car', 0), shown('newspaper', 0), shown('gadget', 0)])
    .then([])
    .when([clicked('newspaper', 0), clicked('gadget', 0), clicked('newspaper', 0)])
    .then([
      joined('newspaper', 'shown/clicked'),
      joined('gadget', 'shown/clicked'),
      joined('newspaper', 'shown/clicked'),
    ])
    .when(shown('dummy', 15_000))
    .then([joined('car', 'shown/not-clicked-yet')])
})

const left = topic('left', text)
const right = topic('right', text)

function within60Seconds(kind: 'join' | 'leftJoin'): TestDriver {
  const builder = new StreamsBuilder()
  const [lefts, rights] = [builder.stream(left), builder.stream(right)]
  const joiner = (a: string, b: string | null): string => `${a}+${b}`
  const options = { within: { beforeMs: 60_000, afterMs: 60_000, graceMs: 0 }, value: string }
  const pairs =
    kind === 'join' ? lefts.join(rights, joiner, options) : lefts.leftJoin(rights, joiner, options)
  pairs.to(output)
  return testDriver(builder)
}

test('records join that are 60 000 ms apart, and not those that are 60 001', () => {
  within60Seconds('join')
    .given([recordOf(left, { key: 'a', value: 'oA', timestamp: 0 })])
    .when(recordOf(right, { key: 'a', value: 'pA', timestamp: 60_000 }))
    .then([joined('a', 'oA+pA')])
  within60Seconds('join')
    .given([recordOf(left, { key: 'a', value: 'oA', timestamp: 0 })])
    .when(recordOf(right, { key: 'a', value: 'pA', timestamp: 60_001 }))
    .then([])
})

test('a left record goes out alone once stream time passes its window', () => {
  within60Seconds('leftJoin')
    .given([recordOf(left, { key: 'b', value: 'oB', timestamp: 0 })])
    .when(recordOf(right, { key: 'z', value: 'pZ', timestamp: 60_000 }))
    .then([])
    .when(recordOf(right, { key: 'z', value: 'pZ', timestamp: 60_001 }))
    .then([joined('b', 'oB+null')])
})
