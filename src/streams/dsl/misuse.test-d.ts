/** What the compiler must refuse. Checked by `npm run types`, never run. */
import { z } from 'zod'
import { int64, string } from '../../contracts/codecs.ts'
import { json } from '../../contracts/json.ts'
import { topic } from '../../contracts/topic.ts'
import { hopping, sessions, tumbling, unlimited } from '../processors/windows.ts'
import { StreamsBuilder } from './streams-builder.ts'

const Order = z.object({ customer: z.number(), cents: z.number(), lines: z.array(z.string()) })
const orders = topic('orders', { key: string, value: json(Order) })
const texts = topic('texts', { key: string, value: string })
const numbers = topic('numbers', { key: int64, value: int64 })
const builder = new StreamsBuilder()
const stream = builder.stream(orders)
const table = builder.table(orders)
const words = builder.stream(texts)
const byNumber = builder.stream(numbers)
const sums = builder.table(numbers)
const versioned = builder.versionedTable(orders, { historyRetentionMs: 5 })
const firstLine = (order: { lines: string[] }) => order.lines[0] ?? null

// Topics and codecs.
// @ts-expect-error a schema is no codec: json(Order)
topic('a', { key: string, value: Order })
// @ts-expect-error nor is it one of a key
topic('a', { key: z.string(), value: string })
// @ts-expect-error the value has no codec
topic('a', { key: string })
// @ts-expect-error no such option
topic('a', { key: string, value: string, partitons: 3 })
// @ts-expect-error a schema is no codec
stream.map(order => order, { value: Order })
// @ts-expect-error the codec is of another type than the result
stream.map(order => order.cents, { value: string })
stream.groupByKey().aggregate(
  // @ts-expect-error the same of an aggregate
  () => 0,
  () => 0,
  { value: string },
)

// Options are known by their names.
// @ts-expect-error vlaue
stream.map(order => order.cents, { vlaue: int64 })
// @ts-expect-error stroe
stream.groupByKey().count({ stroe: 'counts' })
// @ts-expect-error ttl without its unit
stream.toTable({ ttl: 5 })
// @ts-expect-error a table has no history
builder.table(orders, { historyRetentionMs: 5 })
// @ts-expect-error a number of partitions is a number
stream.repartition({ partitions: '3' })
// @ts-expect-error a global table has no timestamps
builder.globalTable(orders, { timestamp: 'ignore' })
// @ts-expect-error explicitName
void new StreamsBuilder({ explicitName: true })

// Several topics are read as one stream when they are of one type.
// @ts-expect-error other values
builder.stream([orders, texts])
// @ts-expect-error no topic
builder.stream([])

// Results are what the operator needs.
// @ts-expect-error a predicate answers yes or no
stream.filter(order => order.cents)
// @ts-expect-error so does that of a branch
stream.split({ large: order => order.cents })
// @ts-expect-error there is no such branch
void stream.split({ large: order => order.cents > 5 }, { default: 'small' }).medium
// @ts-expect-error a number is no list of values
stream.flatMap(order => order.cents)
stream.groupByKey().aggregate(
  () => 0,
  // @ts-expect-error the aggregate is a number
  (sum, order) => `${sum}${order.cents}`,
)
// @ts-expect-error a reducer gives what it takes
stream.groupByKey().reduce((_one, next) => next.cents)
// @ts-expect-error of other values
stream.merge(words)
// @ts-expect-error a promise: mapAsync
stream.map(async order => order.cents, { value: int64 })
// @ts-expect-error a promise is no answer
stream.filter(async () => true)

// What a row takes from a group must be said.
const groups = table.groupBy(firstLine)
// @ts-expect-error the subtractor is missing
groups.aggregate(
  () => 0,
  (sum, order) => sum + order.cents,
)
// @ts-expect-error the subtractor is missing
groups.reduce((_one, next) => next)

// Joins need equal keys; streams also a time.
const within = { beforeMs: 0, afterMs: 5, graceMs: 0 }
// @ts-expect-error within is missing
stream.join(words, () => 'joined')
// @ts-expect-error keys are texts and numbers
stream.join(byNumber, () => 'joined', { within })
// @ts-expect-error the same of a table
stream.join(sums, () => 'joined')
// @ts-expect-error of two tables
table.join(sums, () => 'joined')
// @ts-expect-error a left join
table.leftJoin(sums, () => 'joined')
// @ts-expect-error and an outer one
table.outerJoin(sums, () => 'joined')
// @ts-expect-error a stream is no table
table.join(stream, () => 'joined')
// @ts-expect-error a global table is joined by joinGlobal
stream.join(builder.globalTable(texts), () => 'joined')
// @ts-expect-error the foreign key is a number there
table.joinByForeignKey(sums, firstLine, () => 'joined')
// @ts-expect-error a global table's keys are numbers here
stream.joinGlobal(builder.globalTable(numbers), firstLine, () => 'joined')
// @ts-expect-error the row may be missing
stream.leftJoinGlobal(builder.globalTable(texts), firstLine, (_, text) => text.length)
stream
  .groupByKey()
  .cogroup((sum: number) => sum)
  // @ts-expect-error a cogroup has one key
  .cogroup(byNumber.groupByKey(), sum => sum)

// Topics that records are written to are of their types.
// @ts-expect-error the topic's values are texts
stream.to(texts)
table
  .map(order => order.cents)
  .toStream()
  // @ts-expect-error the topic's keys are numbers
  .to(numbers)
words
  .groupByKey()
  .windowedBy(tumbling({ sizeMs: 5, graceMs: 0 }))
  .count()
  .toStream()
  // @ts-expect-error keys of windows are none of the topic's
  .to(numbers)

// Windows say how long they wait, and only windows close.
// @ts-expect-error graceMs is missing
stream.groupByKey().windowedBy({ sizeMs: 5, advanceMs: 5 })
// @ts-expect-error advanceMs is missing
hopping({ sizeMs: 5, graceMs: 0 })
// @ts-expect-error sessions are asked for by sessions
stream.groupByKey().windowedBy(sessions({ gapMs: 5, graceMs: 0 }))
// @ts-expect-error a table is grouped without time
groups.windowedBy(tumbling({ sizeMs: 5, graceMs: 0 }))
stream
  .groupByKey()
  .sessions(sessions({ gapMs: 5, graceMs: 0 }))
  // @ts-expect-error sessions have to be merged
  .aggregate(
    () => 0,
    sum => sum,
  )
// @ts-expect-error no such moment
stream.groupByKey().windowedBy(tumbling({ sizeMs: 5, graceMs: 0 }), { emit: 'onClose' })
// @ts-expect-error the keys are no windows
table.suppressUntilWindowCloses()
// @ts-expect-error unlimited windows never close
words.groupByKey().windowedBy(unlimited()).count().suppressUntilWindowCloses()
// @ts-expect-error rows of a versioned table cannot be held back
versioned.suppressUntilTimeLimit(5)
// @ts-expect-error its keys are no windows either
versioned.suppressUntilWindowCloses()
// @ts-expect-error a stream has nothing to hold back
stream.suppressUntilTimeLimit(5)
// @ts-expect-error no such way out
table.suppressUntilTimeLimit(5, { maxRecords: 5, whenFull: 'drop' })

// Views know their rows.
// @ts-expect-error a list cannot be indexed
table.view('v', { indexes: ['lines'] })
// @ts-expect-error no such field
table.view('v', { fields: ['price'] })
// @ts-expect-error indexs
table.view('v', { indexs: ['cents'] })
const view = table.view('orders')
// @ts-expect-error no such field
void view.find({ cent: 5 })
// @ts-expect-error no such operator
void view.find({ cents: { gtt: 5 } })
// @ts-expect-error no such field to order by
void view.find({}, { orderBy: { cent: 'asc' } })
// @ts-expect-error limits
void view.find({}, { limits: 5 })
// @ts-expect-error only windows have times
void view.find({}, { keys: { fromMs: 5 } })
// @ts-expect-error a stream has no rows
stream.view('orders')
