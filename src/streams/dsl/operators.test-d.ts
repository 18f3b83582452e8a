import { int64, string } from '../../contracts/codecs.ts'
import { topic } from '../../contracts/topic.ts'
import type { GlobalKTable } from './global-ktable.ts'
import { joinTables } from './join-tables.ts'
import type { KStream } from './kstream.ts'
import type { KTable } from './ktable.ts'
import { StreamsBuilder } from './streams-builder.ts'

declare function expectType<T>(value: T): T

const builder = new StreamsBuilder()
const words = builder.stream(topic('words', { key: string, value: string }))

// An id is a text, or comes with its codec.
expectType<KStream<string, string>>(words.deduplicate(word => word, { withinMs: 10 }))
expectType<KStream<string, string>>(words.deduplicate(word => word.length, { withinMs: 10, id: int64 }))
// @ts-expect-error a number needs a codec
words.deduplicate(word => word.length, { withinMs: 10 })
// @ts-expect-error withinMs is missing
words.deduplicate(word => word, {})
// @ts-expect-error the codec is of another type
words.deduplicate(word => word, { withinMs: 10, id: int64 })

// Rows expire, and go on only when they change, where one operator keeps them.
const rows = builder.table(topic('rows', { key: string, value: string }), { ttlMs: 10, emitOnChange: true })
expectType<KTable<string, number>>(rows.map(row => row.length, { emitOnChange: true }))
expectType<KTable<string, number>>(words.groupByKey().count({ ttlMs: 10, ttlTime: 'wall' }))
expectType<KTable<string, number>>(rows.groupBy(row => row).count({ emitOnChange: true }))
// @ts-expect-error what leaves a group is subtracted when its row goes: the ttl belongs to the rows
rows.groupBy(row => row).count({ ttlMs: 10 })
// @ts-expect-error a versioned table forgets by its history
builder.versionedTable(topic('prices', { key: string, value: int64 }), { historyRetentionMs: 10, ttlMs: 10 })
// @ts-expect-error there is no such clock
words.toTable({ ttlMs: 10, ttlTime: 'lunar' })

// The first rows of a group.
expectType<KTable<string, readonly string[]>>(
  rows.groupBy(row => row).top(3, { by: row => row.length, order: 'asc' }),
)
expectType<KTable<string, readonly string[]>>(words.groupByKey().top(3, { by: word => word.length }))
// @ts-expect-error rows are ranked by numbers
words.groupByKey().top(3, { by: word => word })
// @ts-expect-error by is missing
words.groupByKey().top(3, {})

// Joins of any number of tables: rows by name, those of optional members may be missing.
const sizes = builder.table(topic('sizes', { key: string, value: int64 }))
const weights = builder.table(topic('weights', { key: string, value: int64 }))
const byNumber = builder.table(topic('by-number', { key: int64, value: int64 }))
expectType<KTable<string, string>>(
  joinTables({ row: rows, size: sizes, weight: weights }, ({ row, size, weight }, key) => {
    expectType<string>(key)
    expectType<number>(weight)
    return row.repeat(size)
  }),
)
expectType<KTable<string, { row: string; size: number | null }>>(
  joinTables({ row: rows, size: sizes }, ({ row, size }) => ({ row, size }), { optional: ['size'] }),
)
// @ts-expect-error the size may be missing
joinTables({ row: rows, size: sizes }, ({ row, size }) => row.repeat(size), { optional: ['size'] })
// @ts-expect-error there is no such member
joinTables({ row: rows, size: sizes }, ({ row }) => row, { optional: ['weight'] })
// @ts-expect-error keys are of different types
joinTables({ row: rows, number: byNumber }, ({ row }) => row)
// @ts-expect-error a stream is no table
joinTables({ row: rows, word: words }, ({ row }) => row)

// Global tables, filtered and mapped.
const global = builder.globalTable(topic('global', { key: string, value: string }))
expectType<GlobalKTable<string, number>>(global.filter((row, key) => row !== key).map(row => row.length))
expectType<KStream<string, number>>(
  words.joinGlobal(
    global.map(row => row.length),
    word => word,
    (_, length) => length,
  ),
)
// @ts-expect-error the row is a text
global.filter(row => row > 3)
