import { StreamsBuilder, string } from 'evert'
import { recordBatches } from 'evert/testing'
import { engineCase } from '../harness/engine-case.ts'
import { START_MS, text, textRecords } from '../harness/orders.ts'

const RECORDS = 500_000
const ROWS = 1_000_000

export const benchmark = engineCase({
  description:
    '500 k records of 100 bytes joined with a table of 1 M rows (filled before), every result written',
  build() {
    const builder = new StreamsBuilder()
    const customers = builder.table(text('customers'))
    builder
      .stream(text('orders'))
      .join(customers, (order, customer) => `${order} of ${customer}`, { value: string })
      .to(text('joined'))
    return builder
  },
  before() {
    const rows = Array.from({ length: ROWS }, (_, index) => ({
      key: `customer-${index}`,
      value: `name of ${index}`,
      timestamp: START_MS - ROWS + index,
    }))
    return [[text('customers'), recordBatches(text('customers'), rows)]]
  },
  inputs: () => [[text('orders'), recordBatches(text('orders'), textRecords(RECORDS, { keys: ROWS }))]],
  outputs: { joined: RECORDS },
})
