import { int64, string } from '../../contracts/codecs.ts'
import { topic } from '../../contracts/topic.ts'
import { tuple } from '../../contracts/ordered.ts'
import type { ProcessorStore, ReadOnlyStore } from '../processors/processor-store.ts'
import type { RecordContext } from '../processors/process-context.ts'
import type { KStream } from './kstream.ts'
import { keyValueStore, lruMap, sessionStore, versionedStore, windowStore } from './stores.ts'
import { StreamsBuilder } from './streams-builder.ts'

declare function expectType<T>(value: T): T

const stream = new StreamsBuilder().stream(topic('in', { key: string, value: string }))
const seen = keyValueStore('seen', { key: string, value: int64 })

// Keys, values and stores are inferred; what has no codec stays as it is.
expectType<KStream<string, string>>(stream.process({ create: () => () => {} }))
expectType<KStream<number, string>>(stream.process({ key: int64, create: () => () => {} }))
expectType<KStream<number, number>>(
  stream.process({
    stores: { seen },
    key: int64,
    value: int64,
    create: ({ stores, forward, schedule }) => {
      expectType<ProcessorStore<string, number>>(stores.seen)
      const cancel = schedule(1_000, 'stream', now => {
        forward(now, now)
        cancel()
      })
      return (value, key, record) => {
        expectType<string>(value)
        expectType<string>(key)
        expectType<RecordContext>(record)
        forward(record.source?.offset ?? 0, null, record.timestamp)
      }
    },
  }),
)
expectType<KStream<string, number>>(
  stream.processValues({
    value: int64,
    create:
      ({ forward }) =>
      value =>
        forward(value.length),
  }),
)

// What is forwarded is of the declared types.
stream.process({
  value: int64,
  create: ({ forward }) => {
    forward('key', 1)
    // @ts-expect-error the key is text
    forward(1, 1)
    // @ts-expect-error the value is a number
    return (value, key) => forward(key, value)
  },
})
stream.processValues({
  create: ({ forward }) => {
    // @ts-expect-error processValues keeps the key
    return (value, key) => forward(key, value, 5)
  },
})

// A callback is done when it returns.
// @ts-expect-error promises are not waited for
stream.process({ create: () => async () => {} })
stream.process({
  create: ({ schedule }) => {
    // @ts-expect-error neither in a punctuation
    schedule(5, 'wall', async () => {})
    // @ts-expect-error time is stream or wall
    schedule(5, 'event', () => {})
    return () => {}
  },
})
// @ts-expect-error create gives the function that takes the records
stream.process({ create: () => {} })

// Stores are used as they are declared.
stream.process({
  stores: { seen },
  create: ({ stores }) => {
    // @ts-expect-error no such store
    void stores.missing
    // @ts-expect-error its keys are text
    stores.seen.get(1)
    return value => {
      // @ts-expect-error its values are numbers
      stores.seen.put(value, value)
    }
  },
})

// A timestamp comes from the topic's values.
const builder = new StreamsBuilder()
const readings = topic('readings', { key: string, value: int64 })
builder.stream(readings, {
  timestamp: (value, key, time, partitionTime) => value + key.length + time + partitionTime,
})
builder.stream(readings, { timestamp: 'skipInvalid' })
// @ts-expect-error no such extractor
builder.stream(readings, { timestamp: 'ignore' })
// @ts-expect-error a time is a number
builder.stream(readings, { timestamp: (_value, key) => key })

// Stores of every kind, tables and global tables have the types of what they hold.
const tables = new StreamsBuilder()
const amounts = tables.table(readings)
const names = tables.globalTable(topic('names', { key: int64, value: string }))
tables.stream(topic('typed', { key: string, value: string })).process({
  stores: {
    amounts,
    names,
    windows: windowStore('windows', { key: string, value: int64, sizeMs: 5, retentionMs: 9 }),
    visits: sessionStore('visits', { key: string, value: int64, retentionMs: 9 }),
    prices: versionedStore('prices', { key: string, value: int64, historyRetentionMs: 9 }),
    places: lruMap('places', { key: tuple(string, int64), value: string, maxEntries: 9 }),
  },
  create: ({ stores }) => {
    expectType<ReadOnlyStore<string, number>>(stores.amounts)
    expectType<ReadOnlyStore<number, string>>(stores.names)
    // @ts-expect-error rows of a table are only read
    void stores.amounts.put
    return (_value, key) => {
      expectType<number | undefined>(stores.windows.fetch(key, 5))
      for (const [window, value] of stores.windows.fetch(key, { fromMs: 5 })) {
        expectType<string>(window.key)
        expectType<number>(value)
      }
      expectType<number | undefined>(stores.visits.fetchSession(key, 0, 5))
      expectType<number | undefined>(stores.prices.get(key, 5)?.value)
      expectType<string | undefined>(stores.places.get([key, 5]))
      // @ts-expect-error the second part is a number
      stores.places.get([key, key])
    }
  },
})
