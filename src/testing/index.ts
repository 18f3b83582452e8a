/**
 * Tests of topologies without a log: `evert/testing`.
 *
 *   import { testDriver } from 'evert/testing'
 */
export {
  type InputRecord,
  type OutputRecord,
  type StoredRow,
  TestDriver,
  testDriver,
  type TestDriverOptions,
} from './test-driver.ts'
