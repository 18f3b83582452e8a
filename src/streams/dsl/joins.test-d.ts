import { int64, string } from '../../contracts/codecs.ts'
import { topic } from '../../contracts/topic.ts'
import type { KStream } from './kstream.ts'
import type { KTable } from './ktable.ts'
import { StreamsBuilder } from './streams-builder.ts'

declare function expectType<T>(value: T): T

const builder = new StreamsBuilder()
const orders = builder.stream(topic('orders', { key: string, value: string }))
const payments = builder.stream(topic('payments', { key: string, value: int64 }))
const byNumber = builder.stream(topic('by-number', { key: int64, value: int64 }))
const prices = builder.versionedTable(topic('prices', { key: string, value: int64 }), {
  historyRetentionMs: 60_000,
})
const within = { beforeMs: 0, afterMs: 10, graceMs: 5 }

// Everything is inferred.
expectType<KStream<string, { text: string; cents: number; id: string }>>(
  orders.join(payments, (text, cents, id) => ({ text, cents, id }), { within }),
)
expectType<KStream<string, number>>(
  orders.leftJoin(payments, (text, cents) => text.length + (cents ?? 0), { within }),
)
expectType<KStream<string, number>>(
  orders.outerJoin(payments, (text, cents) => (text?.length ?? 0) + (cents ?? 0), { within }),
)
expectType<KStream<string, string>>(orders.join(orders, (left, right) => left + right, { within }))
expectType<KTable<string, number>>(prices)
expectType<KStream<string, number>>(
  orders.join(prices, (text, price) => text.length * price, { graceMs: 1_000 }),
)

// A join of streams says how far apart its records may be, and how long late ones are waited for.
// @ts-expect-error within is missing
orders.join(payments, text => text)
// @ts-expect-error graceMs is missing
orders.join(payments, text => text, { within: { beforeMs: 0, afterMs: 10 } })
// @ts-expect-error a table has no windows
orders.join(prices, text => text, { within })
// @ts-expect-error graceMs of a join with a stream is part of its windows
orders.leftJoin(payments, text => text, { within, graceMs: 5 })

// Keys are of one type.
// @ts-expect-error text and numbers
orders.join(byNumber, text => text, { within })

// Who may be alone may be null.
// @ts-expect-error the payment may be null
orders.leftJoin(payments, (_text, cents) => cents + 1, { within })
// @ts-expect-error either may be null
orders.outerJoin(payments, (text, cents) => text.length + (cents ?? 0), { within })
// @ts-expect-error an outer join has a stream on either side
orders.outerJoin(prices, text => text)
// @ts-expect-error the price may be null
orders.leftJoin(prices, (_text, price) => price + 1)

// A versioned table says how long its history is.
// @ts-expect-error historyRetentionMs is missing
builder.versionedTable(topic('prices', { key: string, value: int64 }))
