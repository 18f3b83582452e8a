import { int64, string } from '../../contracts/codecs.ts'
import { topic } from '../../contracts/topic.ts'
import type { KStream } from './kstream.ts'
import type { KTable } from './ktable.ts'
import { StreamsBuilder } from './streams-builder.ts'
import type { Codec } from '../../contracts/codec.ts'

interface Order {
  id: string
  customer: number
  state: 'CREATED' | 'SHIPPED'
}

declare const order: Codec<Order>
declare function expectType<T>(value: T): T

const orders = topic('orders', { key: string, value: order })
const customers = topic('customers', { key: int64, value: string })
const builder = new StreamsBuilder()
const stream = builder.stream(orders)
const table = builder.table(orders)

// Everything is inferred from the topic.
expectType<KStream<string, Order>>(stream)
expectType<KStream<string, number>>(stream.map((value, key) => value.customer + key.length))
expectType<KStream<string, string>>(stream.flatMap(value => [value.id]))
expectType<KStream<string, 'CREATED' | 'SHIPPED'>>(stream.map(value => value.state))
expectType<KTable<string, number>>(stream.groupByKey().count())
expectType<KTable<string, { n: number }>>(
  stream.groupByKey().aggregate(
    () => ({ n: 0 }),
    (row, value) => ({ n: row.n + value.customer }),
  ),
)
expectType<{ readonly open: KStream<string, Order>; readonly rest: KStream<string, Order> }>(
  stream.split({ open: value => value.state === 'CREATED' }, { default: 'rest' }),
)

// A key that is text needs no codec, any other does.
expectType<KStream<string, Order>>(stream.selectKey(value => value.id))
expectType<KStream<number, Order>>(stream.selectKey(value => value.customer, { key: int64 }))
// @ts-expect-error a number key needs a codec
stream.selectKey(value => value.customer)
// @ts-expect-error the codec is of another type
stream.selectKey(value => value.customer, { key: string })
// @ts-expect-error a number key needs a codec
stream.groupBy(value => value.customer)
// @ts-expect-error a number key needs a codec
table.groupBy(value => value.customer)

// Callbacks are (value, key).
// @ts-expect-error the value has no such field
stream.filter(value => value.price > 1)
// @ts-expect-error a key is text here
stream.filter((_value, key) => key > 1)

// Joins need equal keys, and a left join may miss the row.
const byCustomer = stream.selectKey(value => value.customer, { key: int64 })
const names = builder.table(customers)
expectType<KStream<number, string>>(byCustomer.join(names, (value, name) => value.id + name.length))
byCustomer.leftJoin(names, (_value, name) => name?.length ?? 0)
// @ts-expect-error the name may be null
byCustomer.leftJoin(names, (_value, name) => name.length)
// @ts-expect-error the stream's key is text and the table's a number
stream.join(names, value => value)
// @ts-expect-error either side of an outer join may be null
table.outerJoin(table, (left, right) => left.id + right.id)

// A sink takes what its topic says.
stream.to(orders)
// @ts-expect-error the topic's values are text
stream.to(topic('out', { key: string, value: string }))
// @ts-expect-error the topic's keys are numbers
stream.map(value => value.id, { value: string }).to(customers)

// A codec must fit the mapper.
// @ts-expect-error text is not what the codec writes
stream.map(value => value.id, { value: int64 })

// A row may be regrouped with another value.
expectType<KTable<number, number>>(
  table.groupBy(value => [value.customer, value.id] as const, { key: int64, value: string }).count(),
)

// A view knows the row.
table.view('orders', { indexes: ['customer'] })
// @ts-expect-error no such field
table.view('orders', { indexes: ['price'] })
