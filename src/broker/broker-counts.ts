import { counter, gauge, type MetricSheet } from '../internal/metric.ts'
import type { LogStorage } from './storage/log-storage.ts'

export const brokerMetrics = {
  requests: counter('broker', 'request-total', 'Requests that the embedded log was sent.'),
  partitions: gauge('broker', 'partition-count', 'Partitions of the topic.'),
  sizeBytes: gauge('broker', 'log-size', 'Bytes of the topic in the log.', 'bytes'),
  offsets: counter(
    'broker',
    'log-end-offset-total',
    'Offsets that the topic has given out, over all partitions.',
  ),
}

/** What the embedded log tells of itself. */
export class BrokerCounts {
  readonly #requests = new Map<string, number>()

  request(api: string): void {
    this.#requests.set(api, (this.#requests.get(api) ?? 0) + 1)
  }

  report(sheet: MetricSheet, storage: LogStorage): void {
    for (const [api, count] of this.#requests) sheet.set(brokerMetrics.requests, count, { api })
    for (const { name: topic, partitions } of storage.topics()) {
      let sizeBytes = 0
      let offsets = 0
      for (const log of partitions) {
        sizeBytes += log.sizeBytes
        offsets += log.logEndOffset
      }
      sheet.set(brokerMetrics.partitions, partitions.length, { topic })
      sheet.set(brokerMetrics.sizeBytes, sizeBytes, { topic })
      sheet.set(brokerMetrics.offsets, offsets, { topic })
    }
  }
}
