import { counter, type MetricSheet } from '../internal/metric.ts'

/** Numbers that only grow, kept by whoever does the work; nobody is told. */
export class ClientCounts {
  readonly #requests = new Map<string, RequestCount>()
  readonly #produced = new Map<string, ProducedCount>()
  readonly #consumed = new Map<string, ConsumedCount>()

  requests(api: string): RequestCount {
    return madeIn(this.#requests, api, () => ({ count: 0, errors: 0, ms: 0 }))
  }

  produced(topic: string): ProducedCount {
    return madeIn(this.#produced, topic, () => ({ records: 0, bytes: 0, batches: 0, retries: 0, errors: 0 }))
  }

  consumed(topic: string): ConsumedCount {
    return madeIn(this.#consumed, topic, () => ({ records: 0, bytes: 0 }))
  }

  report(sheet: MetricSheet): void {
    for (const [api, { count, errors, ms }] of this.#requests) {
      sheet.set(clientMetrics.requests, count, { api })
      sheet.set(clientMetrics.requestErrors, errors, { api })
      sheet.set(clientMetrics.requestTime, ms, { api })
    }
    for (const [topic, { records, bytes, batches, retries, errors }] of this.#produced) {
      sheet.set(clientMetrics.sentRecords, records, { topic })
      sheet.set(clientMetrics.sentBytes, bytes, { topic })
      sheet.set(clientMetrics.sentBatches, batches, { topic })
      sheet.set(clientMetrics.sentAgain, retries, { topic })
      sheet.set(clientMetrics.notSent, errors, { topic })
    }
    for (const [topic, { records, bytes }] of this.#consumed) {
      sheet.set(clientMetrics.consumedRecords, records, { topic })
      sheet.set(clientMetrics.consumedBytes, bytes, { topic })
    }
  }
}

/** Of one API of the protocol. */
export interface RequestCount {
  count: number
  /** Without an answer: the connection was lost or the answer overdue. Error codes within an answer do not count. */
  errors: number
  ms: number
}

/** Of one topic: what was acknowledged; batches that were sent again; records that were given up. */
export interface ProducedCount {
  records: number
  bytes: number
  batches: number
  retries: number
  errors: number
}

/** Of one topic: what was fetched, by everybody who reads it. */
export interface ConsumedCount {
  records: number
  bytes: number
}

const PRODUCER = 'producer-topic'
const FETCHER = 'consumer-fetch-manager'

export const clientMetrics = {
  requests: counter('client', 'request-total', 'Requests to brokers.'),
  requestErrors: counter('client', 'request-error-total', 'Requests to brokers that got no answer.'),
  requestTime: counter(
    'client',
    'request-latency-total',
    'Time from requests to their answers; a fetch waits for records.',
    'ms',
  ),
  sentRecords: counter(PRODUCER, 'record-send-total', 'Records that were acknowledged.'),
  sentBytes: counter(PRODUCER, 'byte-total', 'Bytes of the batches that were acknowledged.', 'bytes'),
  sentBatches: counter(PRODUCER, 'batch-total', 'Batches that were acknowledged.'),
  sentAgain: counter(PRODUCER, 'record-retry-total', 'Records that were sent again.'),
  notSent: counter(
    PRODUCER,
    'record-error-total',
    'Records that were given up, those of aborted transactions included.',
  ),
  consumedRecords: counter(
    FETCHER,
    'records-consumed-total',
    'Records that were fetched, restores included.',
  ),
  consumedBytes: counter(FETCHER, 'bytes-consumed-total', 'Bytes of records that were fetched.', 'bytes'),
}

function madeIn<T>(map: Map<string, T>, key: string, make: () => T): T {
  let found = map.get(key)
  if (found === undefined) {
    found = make()
    map.set(key, found)
  }
  return found
}
