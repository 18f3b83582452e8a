import { int64, string } from '../../src/contracts/codecs.ts'
import { type Topic, topic } from '../../src/contracts/topic.ts'
import type { GlobalKTable } from '../../src/streams/dsl/global-ktable.ts'
import type { KGroupedStream } from '../../src/streams/dsl/kgrouped-stream.ts'
import type { KStream } from '../../src/streams/dsl/kstream.ts'
import type { KTable } from '../../src/streams/dsl/ktable.ts'
import { keyValueStore } from '../../src/streams/dsl/stores.ts'
import { keyedTimers } from '../../src/streams/dsl/timers.ts'
import type { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import type { Windowed } from '../../src/streams/processors/windowed-key.ts'
import { hopping, sessions, sliding, tumbling, unlimited } from '../../src/streams/processors/windows.ts'
import type { Kind, Shape, Step } from './program.ts'

export type Stream = KStream<string, number>
export type Table = KTable<string, number>
export type Windows = KTable<Windowed<string>, number>
type Global = GlobalKTable<string, number>

/** Where a step is built: what it takes, and its numbers. */
export interface Site {
  readonly builder: StreamsBuilder
  readonly taken: readonly unknown[]
  readonly step: Step
  readonly index: number
  /** Functions may throw. */
  readonly isBrittle: boolean
  /** Records keep their keys, and so stay in the partition that they came in. */
  readonly keepsKeys: boolean
  /** Nothing depends on time, nor on the order of records of different keys. */
  readonly isTimeless: boolean
}

interface Operator extends Shape {
  readonly build: (site: Site) => unknown
}

/** Topics of a source: named after the step's numbers, which stay when other steps go. */
export function topicOf({ numbers }: Step, role: 'in' | 'second' | 'out'): Topic<string, number> {
  return topic(`${role}-${numbers.join('-')}`, { key: string, value: int64, partitions: 1 })
}

/** Depends on the order of its arguments, and so on the order of everything that is folded with it. */
const mix = (a: number, b: number, salt: number): number => (a * 31 + b * 7 + salt) % 997

const joiner =
  (salt: number) =>
  (left: number | null, right: number | null): number | null => {
    const mixed = mix(left ?? 501, right ?? 703, salt)
    return mixed % 13 === 0 ? null : mixed
  }

const reducer = (salt: number) => (a: number, b: number) => {
  const mixed = mix(a, b, salt)
  return mixed % 17 === 0 ? null : mixed
}

/** A reducer that never deletes. */
const adder = (salt: number) => (a: number, b: number) => mix(a, b, salt)

const mapper = (salt: number, isBrittle: boolean) => (value: number | null) => {
  const mixed = mix(value ?? 11, 0, salt)
  if (isBrittle && mixed % 19 === 0) throw new Error(`${mixed} is refused`)
  return mixed % 11 === 0 ? null : mixed
}

const fits = (salt: number) => (value: number | null, key: unknown) =>
  ((value ?? 5) + salt + JSON.stringify(key ?? '').length) % 4 !== 0

/** Keys that inputs have as well, so that streams and tables meet. */
const keyFrom = (salt: number) => (value: number | null, key: string | null) => {
  const chosen = ((value ?? 3) + (key?.length ?? 1) + salt) % 9
  return chosen === 8 ? null : `k${chosen}`
}

const at = (site: Site, index: number): number => site.step.numbers[index] as number
const stream = (site: Site, index = 0) => site.taken[index] as Stream
const table = (site: Site, index = 0) => site.taken[index] as Table
const windows = (site: Site) => site.taken[0] as Windows

const storeOf = (site: Site, index: number) =>
  at(site, index) % 2 === 0 ? { store: `store-${site.index}` } : {}

/** Of a table that keeps its own rows. */
const rowsOf = (site: Site, index: number) => ({
  ...storeOf(site, index),
  ...(at(site, 4) % 5 === 0 ? { emitOnChange: true } : {}),
  ...(at(site, 4) % 4 === 0 && !site.isTimeless ? { ttlMs: 10 + (at(site, 4) % 90) } : {}),
})

function grouped(site: Site, index = 0): KGroupedStream<string, number> {
  const choice = at(site, 0) % 3
  if (choice === 0 || site.keepsKeys) return stream(site, index).groupByKey()
  return stream(site, index).groupBy(keyFrom(choice))
}

const within = (site: Site) => ({
  beforeMs: at(site, 1) % 30,
  afterMs: at(site, 2) % 30,
  graceMs: at(site, 3) % 40,
})

function timestampOf(site: Site) {
  if (at(site, 0) % 4 !== 0) return {}
  return {
    timestamp: (value: number | null, _key: string | null, timestamp: number, partitionTime: number) =>
      value === null ? partitionTime + 1 : value % 50 === 7 ? -1 : timestamp + (value % 20),
  }
}

function windowed(site: Site): Windows {
  const group = grouped(site)
  const graceMs = at(site, 2) % 40
  const emit = at(site, 3) % 3 === 0 ? ({ emit: 'onWindowClose' } as const) : {}
  const sizeMs = 5 + (at(site, 1) % 40)
  const fold = adder(at(site, 4))
  const options = storeOf(site, 4)
  const initial = () => at(site, 1)
  const kind = at(site, 4) % 5
  const aggregate = at(site, 5) % 3
  if (kind === 4) {
    const session = group.sessions(sessions({ gapMs: sizeMs, graceMs }), emit)
    if (aggregate === 0) return session.count(options)
    if (aggregate === 1) return session.reduce(fold, options)
    return session.aggregate(initial, fold, { ...options, merger: adder(3) })
  }
  const time = (() => {
    if (kind === 0) return group.windowedBy(tumbling({ sizeMs, graceMs }), emit)
    if (kind === 1) {
      const advanceMs = 1 + (at(site, 3) % sizeMs)
      return group.windowedBy(hopping({ sizeMs, advanceMs: Math.max(advanceMs, 4), graceMs }), emit)
    }
    if (kind === 2) return group.windowedBy(sliding({ timeDifferenceMs: sizeMs, graceMs }), emit)
    return group.windowedBy(unlimited({ startMs: at(site, 3) % 50 }))
  })()
  if (aggregate === 0) return time.count(options)
  if (aggregate === 1) return time.reduce(reducer(at(site, 4)), options)
  return time.aggregate(initial, fold, options)
}

function joinTables(site: Site): Table {
  const kind = (['join', 'leftJoin', 'outerJoin'] as const)[at(site, 0) % 3] ?? 'join'
  const options = storeOf(site, 2)
  return table(site)[kind](table(site, 1), joiner(at(site, 1)), options)
}

function aggregateGroups(site: Site): Table {
  const rows = table(site).groupBy(keyFrom(at(site, 0)))
  const options = storeOf(site, 1)
  const salt = at(site, 2)
  if (at(site, 3) % 3 === 0) return rows.count(options)
  if (at(site, 3) % 3 === 1) return rows.reduce(adder(salt), adder(salt + 1), options)
  return rows.aggregate(() => salt, reducer(salt + 2), adder(salt + 3), options)
}

function timeLimit(site: Site) {
  const limits = at(site, 1) % 3 === 0 ? {} : { maxRecords: 1 + (at(site, 2) % 6) }
  return [at(site, 0) % 40, limits] as const
}

function joinWithTable(site: Site, options: { graceMs?: number }): Stream {
  const join = joiner(at(site, 1))
  return at(site, 0) % 2 === 0
    ? stream(site).join(table(site, 1), join, options)
    : stream(site).leftJoin(table(site, 1), join, options)
}

/** Counts per key, forwards a fold of its whole store now and then, by stream time. */
function processing(site: Site): Stream {
  const kept = keyValueStore(`kept-${site.index}`, { key: string, value: int64 })
  const salt = at(site, 1)
  return stream(site).process<string, number, { kept: typeof kept }>({
    stores: { kept },
    key: string,
    value: int64,
    create: ({ stores, forward, schedule }) => {
      schedule(5 + (at(site, 0) % 40), 'stream', timeMs => {
        let folded = salt
        for (const [key, value] of stores.kept.entries({ reverse: salt % 2 === 0 })) {
          folded = mix(folded, value, key.length)
          if (value % 5 === 0) stores.kept.delete(key)
        }
        forward(`k${folded % 8}`, folded, timeMs)
      })
      return (value, key, { timestamp }) => {
        const name = key ?? 'none'
        const next = mix(stores.kept.get(name) ?? salt, value ?? 17, salt)
        stores.kept.put(name, next % 23 === 0 ? null : next)
        if (next % 3 !== 0) forward(key, next, timestamp + (next % 4))
      }
    },
  })
}

/** A key that was silent for a while is told, with its last value; some are forgotten before. */
function timing(site: Site): Stream {
  const silent = keyedTimers(`silent-${site.index}`, { key: string, payload: int64 })
  return stream(site).process<string, number, { silent: typeof silent }>({
    stores: { silent },
    key: string,
    value: int64,
    create: ({ stores, forward }) => {
      stores.silent.onTimer((key, _, payload) => forward(key, payload))
      return (value, key, { timestamp }) => {
        const name = key ?? 'none'
        if (value === null) stores.silent.delete(name)
        else stores.silent.set(name, timestamp + (at(site, 0) % 60), value)
      }
    },
  })
}

export const operators: Readonly<Record<string, Operator>> = {
  stream: {
    takes: [],
    gives: 'stream',
    build: site => site.builder.stream(topicOf(site.step, 'in'), timestampOf(site)),
  },
  streamOfTwo: {
    takes: [],
    gives: 'stream',
    build: site => site.builder.stream([topicOf(site.step, 'in'), topicOf(site.step, 'second')]),
  },
  table: {
    takes: [],
    gives: 'table',
    build: site =>
      site.builder.table(topicOf(site.step, 'in'), {
        ...timestampOf(site),
        ...storeOf(site, 1),
      }),
  },
  versioned: {
    takes: [],
    gives: 'versioned',
    build: site =>
      site.builder.versionedTable(topicOf(site.step, 'in'), { historyRetentionMs: 20 + (at(site, 1) % 60) }),
  },
  global: {
    takes: [],
    gives: 'global',
    build: site => site.builder.globalTable(topicOf(site.step, 'in')),
  },
  filter: { takes: ['stream'], gives: 'stream', build: site => stream(site).filter(fits(at(site, 0))) },
  map: {
    takes: ['stream'],
    gives: 'stream',
    build: site => stream(site).map(mapper(at(site, 0), site.isBrittle)),
  },
  flatMap: {
    takes: ['stream'],
    gives: 'stream',
    build: site =>
      stream(site).flatMap(value => Array.from({ length: (value ?? 0) % 3 }, (_, i) => i + at(site, 0))),
  },
  selectKey: {
    takes: ['stream'],
    gives: 'stream',
    build: site => stream(site).selectKey(keyFrom(at(site, 0))),
  },
  merge: { takes: ['stream', 'stream'], gives: 'stream', build: site => stream(site).merge(stream(site, 1)) },
  sumBy: {
    takes: ['stream'],
    gives: 'table',
    weight: 0,
    build: site =>
      stream(site)
        .groupBy(keyFrom(at(site, 0)))
        .reduce((a, b) => (a + b) % 9_973, storeOf(site, 1)),
  },
  countBy: {
    takes: ['stream'],
    gives: 'table',
    weight: 0,
    build: site =>
      stream(site)
        .groupBy(keyFrom(at(site, 0)))
        .count(storeOf(site, 1)),
  },
  tableCountBy: {
    takes: ['table'],
    gives: 'table',
    weight: 0,
    build: site =>
      table(site)
        .groupBy(keyFrom(at(site, 0)))
        .count(storeOf(site, 1)),
  },
  split: {
    takes: ['stream'],
    gives: 'stream',
    build: site => {
      const { first, rest } = stream(site).split({ first: fits(at(site, 0)) }, { default: 'rest' })
      return at(site, 1) % 3 === 0 ? rest : first
    },
  },
  deduplicate: {
    takes: ['stream'],
    gives: 'stream',
    build: site =>
      stream(site).deduplicate((value, key) => (value === null ? key : `v${value % 30}`), {
        withinMs: at(site, 1) % 40,
        acrossKeys: at(site, 0) % 3 === 0 && !site.keepsKeys,
        ...(at(site, 2) % 3 === 0 ? {} : { graceMs: at(site, 2) % 40 }),
      }),
  },
  timers: { takes: ['stream'], gives: 'stream', build: timing },
  repartition: { takes: ['stream'], gives: 'stream', build: site => stream(site).repartition() },
  process: { takes: ['stream'], gives: 'stream', build: processing },
  toTable: { takes: ['stream'], gives: 'table', build: site => stream(site).toTable(rowsOf(site, 0)) },
  count: { takes: ['stream'], gives: 'table', build: site => grouped(site).count(rowsOf(site, 1)) },
  reduce: {
    takes: ['stream'],
    gives: 'table',
    build: site => grouped(site).reduce(reducer(at(site, 2)), rowsOf(site, 1)),
  },
  aggregate: {
    takes: ['stream'],
    gives: 'table',
    build: site => grouped(site).aggregate(() => at(site, 2), reducer(at(site, 3)), rowsOf(site, 1)),
  },
  cogroup: {
    takes: ['stream', 'stream'],
    gives: 'table',
    build: site =>
      grouped(site)
        .cogroup<number>(reducer(at(site, 2)))
        .cogroup(grouped(site, 1), adder(at(site, 3)))
        .aggregate(() => at(site, 4), storeOf(site, 1)),
  },
  cogroupWindowed: {
    takes: ['stream', 'stream'],
    gives: 'windows',
    build: site => {
      const group = grouped(site)
        .cogroup<number>(adder(at(site, 2)))
        .cogroup(grouped(site, 1), adder(at(site, 3)))
      const graceMs = at(site, 4) % 40
      const initial = () => at(site, 4)
      const options = storeOf(site, 1)
      if (at(site, 5) % 2 === 0)
        return group.sessions(sessions({ gapMs: 12, graceMs }), adder(1)).aggregate(initial, options)
      if (at(site, 5) % 5 === 1)
        return group.windowedBy(sliding({ timeDifferenceMs: 12, graceMs })).aggregate(initial, options)
      return group.windowedBy(hopping({ sizeMs: 20, advanceMs: 10, graceMs })).aggregate(initial, options)
    },
  },
  windowed: { takes: ['stream'], gives: 'windows', weight: 5, build: windowed },
  joinStreams: {
    takes: ['stream', 'stream'],
    gives: 'stream',
    weight: 2,
    build: site => {
      const join = joiner(at(site, 4))
      const options = { within: within(site) }
      const [left, right] = [stream(site), stream(site, 1)]
      if (at(site, 0) % 3 === 0) return left.join(right, join, options)
      return at(site, 0) % 3 === 1
        ? left.leftJoin(right, join, options)
        : left.outerJoin(right, join, options)
    },
  },
  joinTable: {
    takes: ['stream', 'table'],
    gives: 'stream',
    build: site => joinWithTable(site, {}),
  },
  joinVersioned: {
    takes: ['stream', 'versioned'],
    gives: 'stream',
    build: site => joinWithTable(site, at(site, 2) % 3 === 0 ? {} : { graceMs: at(site, 2) % 20 }),
  },
  joinGlobal: {
    takes: ['stream', 'global'],
    gives: 'stream',
    build: site => {
      const kind = at(site, 0) % 2 === 0 ? 'joinGlobal' : 'leftJoinGlobal'
      return stream(site)[kind](site.taken[1] as Global, keyFrom(at(site, 2)), joiner(at(site, 1)))
    },
  },
  tableToStream: { takes: ['table'], gives: 'stream', build: site => table(site).toStream() },
  versionedToStream: { takes: ['versioned'], gives: 'stream', build: site => table(site).toStream() },
  windowsToStream: {
    takes: ['windows'],
    gives: 'stream',
    build: site =>
      windows(site)
        .toStream()
        .selectKey((_, { key }) => key),
  },
  tableFilter: {
    takes: ['table'],
    gives: 'table',
    build: site => table(site).filter(fits(at(site, 0)), storeOf(site, 1)),
  },
  versionedFilter: {
    takes: ['versioned'],
    gives: 'versioned',
    build: site => table(site).filter(fits(at(site, 0))),
  },
  tableMap: {
    takes: ['table'],
    gives: 'table',
    build: site =>
      table(site).map(mapper(at(site, 0), site.isBrittle), {
        ...storeOf(site, 1),
        emitOnChange: at(site, 4) % 3 === 0,
      }),
  },
  tableGroup: { takes: ['table'], gives: 'table', build: aggregateGroups },
  versionedGroup: { takes: ['versioned'], gives: 'table', build: aggregateGroups },
  joinTables: { takes: ['table', 'table'], gives: 'table', build: joinTables },
  joinVersionedTable: { takes: ['versioned', 'table'], gives: 'table', build: joinTables },
  foreignKey: {
    takes: ['table', 'table'],
    gives: 'table',
    build: site => {
      const kind = at(site, 0) % 2 === 0 ? 'joinByForeignKey' : 'leftJoinByForeignKey'
      return table(site)[kind](table(site, 1), keyFrom(at(site, 1)), joiner(at(site, 2)), storeOf(site, 3))
    },
  },
  waitForTime: {
    takes: ['table'],
    gives: 'table',
    build: site => table(site).suppressUntilTimeLimit(...timeLimit(site)),
  },
  windowsFilter: {
    takes: ['windows'],
    gives: 'windows',
    build: site => windows(site).filter(fits(at(site, 0))),
  },
  windowsMap: {
    takes: ['windows'],
    gives: 'windows',
    weight: 2,
    build: site => windows(site).map(mapper(at(site, 0), site.isBrittle), storeOf(site, 1)),
  },
  waitForClose: {
    takes: ['windows'],
    gives: 'windows',
    weight: 2,
    build: site => windows(site).suppressUntilWindowCloses(),
  },
  windowsWaitForTime: {
    takes: ['windows'],
    gives: 'windows',
    weight: 2,
    build: site => windows(site).suppressUntilTimeLimit(...timeLimit(site)),
  },
}

/** What ends in a topic, so that it can be compared. */
export function writeOut(kind: Kind, handle: unknown, out: Topic<string, number>): void {
  if (kind === 'stream') (handle as Stream).to(out)
  else if (kind === 'windows') {
    const named = (handle as Windows)
      .toStream()
      .selectKey((_, { key, start, end }) => `${key}@${start}-${end}`)
    named.to(out)
  } else if (kind !== 'global') (handle as Table).toStream().to(out)
}
