import assert from 'node:assert/strict'
import { test } from 'node:test'
import { app, int64, sliding, string, topic, tumbling, windowStore } from '../../index.ts'
import type { App } from '../../index.ts'
import { risksInWords } from './explain-changes.ts'
import { compareLayouts } from './layout-changes.ts'
import { stateLayout } from './state-layout.ts'

const input = topic('in', { key: string, value: string })
const numbers = topic('numbers', { key: string, value: int64 })
const counts = (name: string) => topic(name, { key: string, value: int64 })

type Define = (shop: App) => void

function risksOf(before: Define, now: Define): string[] {
  const layoutOf = (define: Define) => {
    const shop = app('shop')
    define(shop)
    return stateLayout(shop.topology())
  }
  return risksInWords(compareLayouts(layoutOf(before), layoutOf(now)).risks)
}

const windowed =
  (windows: ReturnType<typeof tumbling> | ReturnType<typeof sliding>): Define =>
  shop => {
    const grouped = shop.stream(input).groupByKey()
    if ('timeDifferenceMs' in windows) grouped.windowedBy(windows).count({ store: 'rows' })
    else grouped.windowedBy(windows).count({ store: 'rows' })
  }

const putting =
  (retainDuplicates: boolean): Define =>
  shop => {
    const options = { key: string, value: string, sizeMs: 1, retentionMs: 10, retainDuplicates }
    const rows = windowStore('rows', options)
    shop.stream(input).process({ stores: { rows }, create: () => () => {} })
  }

const ranked =
  (order: 'asc' | 'desc'): Define =>
  shop => {
    shop
      .table(numbers)
      .groupBy(() => 'all')
      .top(2, { by: value => value, order, store: 'rows' })
  }

const unrepeated =
  (acrossKeys: boolean): Define =>
  shop => {
    shop.stream(input).deduplicate(value => value, { withinMs: 1, name: 'rows', acrossKeys })
  }

const alike =
  (...outputs: readonly string[]): Define =>
  shop => {
    const stream = shop.stream(input)
    for (const output of outputs)
      stream
        .filter(() => true)
        .groupBy(value => value)
        .count()
        .toStream()
        .to(counts(output))
  }

const CASES: Record<string, readonly [before: Define, now: Define, ...risks: RegExp[]]> = {
  'windows that include their end now': [
    windowed(tumbling({ sizeMs: 10, graceMs: 0 })),
    windowed(sliding({ timeDifferenceMs: 10, graceMs: 0 })),
    /store rows would be misread: its keys were written as "window-10-string", now as "sliding-10-string"/,
  ],
  'duplicates that are kept now': [putting(false), putting(true), /store rows would be misread: its keys/],
  'duplicates that are kept no more': [
    putting(true),
    putting(false),
    /store rows would be misread: its keys/,
  ],
  'the last rows instead of the first': [
    ranked('desc'),
    ranked('asc'),
    /store rows-members would be misread: its keys were written as "ranked-desc", now as "ranked-asc"/,
  ],
  'ids that count across keys now': [
    unrepeated(false),
    unrepeated(true),
    /store rows-store would be misread: its keys were written as "id-string-of-string", now as "id-string"/,
  ],
  'a like branch with a repartition topic in front': [
    alike('a'),
    alike('b', 'a'),
    /go to another operator.*results now go to "b" and went to "a"/,
  ],
  'a like branch with a repartition topic behind': [alike('a'), alike('a', 'b')],
  'three like branches in another order': [
    alike('a', 'b', 'c'),
    alike('b', 'c', 'a'),
    /now go to "b" and went to "a"/,
    /now go to "c" and went to "b"/,
    /now go to "a" and went to "c"/,
  ],
  'all like branches to one more place': [
    shop => {
      const stream = shop.stream(input).groupByKey()
      stream.count().join(stream.count(), (a, b) => a + b, { value: int64, store: 'both' })
    },
    shop => {
      const stream = shop.stream(input).groupByKey()
      const both = stream.count().join(stream.count(), (a, b) => a + b, { value: int64, store: 'both' })
      both.toStream().to(counts('a'))
    },
  ],
}

for (const [name, [before, now, ...expected]] of Object.entries(CASES)) {
  test(`what a changed topology would lose or misread: ${name}`, () => {
    const risks = risksOf(before, now)
    assert.equal(risks.length, expected.length, risks.join('\n'))
    for (const [i, risk] of expected.entries()) assert.match(risks[i] ?? '', risk)
    assert.deepEqual(risksOf(now, now), [])
  })
}
