/** Right uses of the test driver, and wrong ones that the compiler must refuse. Checked by `npm run types`, never run. */
import { int64, string } from '../contracts/codecs.ts'
import { topic } from '../contracts/topic.ts'
import { StreamsBuilder } from '../streams/dsl/streams-builder.ts'
import { recordOf } from './scenario.ts'
import { type OutputRecord, testDriver } from './test-driver.ts'
import type { StoredRow } from './stored-rows.ts'

declare function expectType<T>(value: T): T

const numbers = topic('numbers', { key: string, value: int64 })
const builder = new StreamsBuilder()
const view = builder.table(numbers).view('numbers')
const driver = testDriver(builder, { partitions: { numbers: 3 }, seed: 5 })
testDriver(builder, { partitions: 3 })

driver.send(numbers, { key: 'k', value: 1, partition: 2 })
expectType<OutputRecord<string, number>[]>(driver.read(numbers, { partition: 1 }))
expectType<StoredRow<string, number>[]>(driver.rows(view))
driver
  .given([recordOf(numbers, { key: 'k', value: null })])
  .when({ advanceWallClockMs: 5 })
  .then([recordOf(numbers, { key: 'k', value: 1, partition: 0 })])

// @ts-expect-error the values are numbers
driver.send(numbers, { key: 'k', value: '1' })
// @ts-expect-error the keys are texts
recordOf(numbers, { key: 1, value: 1 })
// @ts-expect-error the value is missing
recordOf(numbers, { key: 'k' })
// @ts-expect-error a key of the view is a text
driver.row(view, 5)
// @ts-expect-error a seed is a number
testDriver(builder, { seed: 'random' })
// @ts-expect-error partitons
testDriver(builder, { partitons: 3 })
// @ts-expect-error a number for each topic
testDriver(builder, { partitions: { numbers: '3' } })
// @ts-expect-error time that passes has a unit
driver.given([]).when({ advanceWallClock: 5 })
driver
  .given([])
  .when([])
  // @ts-expect-error what is expected comes in a list
  .then(recordOf(numbers, { key: 'k', value: 1 }))
// @ts-expect-error a scenario has a when before its then
driver.given([]).then([])
