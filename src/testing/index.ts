/**
 * Tests of topologies without a log: `evert/testing`.
 *
 *   import { testDriver } from 'evert/testing'
 */
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
  type StoredRow,
  TestDriver,
  testDriver,
  type TestDriverOptions,
} from './test-driver.ts'
