/**
 * Topologies without a log, for tests and benchmarks: `evert/testing`.
 *
 *   import { testDriver } from 'evert/testing'
 */
export { BatchDriver, batchDriver, type BatchDriverOptions } from './batch-driver.ts'
export { recordBatches, type RecordBatchesOptions, type TypedRecord } from './record-batches.ts'
export {
  type Expectation,
  type Happening,
  recordOf,
  type Scenario,
  type TopicRecord,
} from './scenario.ts'
export {
  type InputRecord,
  type OutputRecord,
  TestDriver,
  testDriver,
  type TestDriverOptions,
} from './test-driver.ts'
export type { StoredRow } from './stored-rows.ts'
