/** Values of schemas that are literals. Checked by `npm run types`, never run. */
import type { Codec } from '../contracts/codec.ts'
import { avro } from './avro.ts'

declare function expectType<T>(value: T): T

const order = avro({
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'placedAt', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'state', type: { type: 'enum', name: 'State', symbols: ['CREATED', 'SHIPPED'] } },
    { name: 'note', type: ['null', 'string'] },
    { name: 'lines', type: { type: 'array', items: { type: 'map', values: 'bytes' } } },
    { name: 'hash', type: { type: 'fixed', name: 'Hash', size: 16 } },
  ],
})
interface Order {
  id: string
  placedAt: number
  state: 'CREATED' | 'SHIPPED'
  note: string | null
  lines: { [key: string]: Buffer }[]
  hash: Buffer
}
expectType<Codec<Order>>(order)
expectType<Codec<number>>(avro('long'))
expectType<Codec<boolean | string>>(avro(['boolean', 'string'], { schemaId: 5, writers: { 4: 'string' } }))
// A name is known to Avro, not to the compiler.
expectType<Codec<unknown>>(avro('Order'))

// @ts-expect-error a record has names for its fields
avro({ type: 'record', name: 'x', fields: [{ type: 'int' }] })
// @ts-expect-error an id is a number
avro('int', { schemaId: '5' })
// @ts-expect-error the state is one of two
order.encode({ id: '1', placedAt: 5, state: 'LOST', note: null, lines: [], hash: Buffer.alloc(16) })
