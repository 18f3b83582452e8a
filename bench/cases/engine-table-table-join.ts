import { StreamsBuilder, string } from 'evert'
import { recordBatches } from 'evert/testing'
import { engineCase } from '../harness/engine-case.ts'
import { START_MS, text, textRecords } from '../harness/orders.ts'

const RECORDS = 250_000
const KEYS = 100_000

export const benchmark = engineCase({
  description:
    '500 k updates of 100 bytes, half to each of two tables of 100 k rows (filled before), joined; ' +
    'every result written',
  build() {
    const builder = new StreamsBuilder()
    builder
      .table(text('left'))
      .join(builder.table(text('right')), (left, right) => `${left} ${right}`, { value: string })
      .toStream()
      .to(text('joined'))
    return builder
  },
  before: () =>
    ['left', 'right'].map(name => {
      const rows = Array.from({ length: KEYS }, (_, index) => ({
        key: `customer-${index}`,
        value: name,
        timestamp: START_MS - KEYS + index,
      }))
      return [text(name), recordBatches(text(name), rows)] as const
    }),
  inputs: () => [
    [text('left'), recordBatches(text('left'), textRecords(RECORDS, { keys: KEYS }))],
    [text('right'), recordBatches(text('right'), textRecords(RECORDS, { keys: KEYS, shift: 77 }))],
  ],
  // One for each row while the tables are filled, one for each update.
  outputs: { joined: KEYS + 2 * RECORDS },
})
