import type { Topic } from '../../src/index.ts'
import type { TestDriver } from '../../src/testing/index.ts'

/** Sends `[key, value]` pairs, in order; the timestamp of one that names none is the driver's wall clock. */
export function sendAll<K, V>(
  driver: TestDriver,
  topic: Topic<K, V>,
  records: readonly (readonly [key: K | null, value: V | null, timestamp?: number])[],
): void {
  for (const [key, value, timestamp] of records) {
    driver.send(topic, timestamp === undefined ? { key, value } : { key, value, timestamp })
  }
}

/** Takes what was written to the topic since the last call, as `[key, value]` pairs in order. */
export function readPairs<K, V>(driver: TestDriver, topic: Topic<K, V>): [K | null, V | null][] {
  return driver.read(topic).map(({ key, value }) => [key, value])
}
