import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import {
  app,
  covers,
  double,
  int64,
  json,
  keyValueStore,
  mergePositions,
  openCluster,
  string,
  topic,
} from '../../src/index.ts'
import { readTopic } from '../../src/client/index.ts'

const BOUND_MS = 1_000

const Rated = z.object({ amount: z.number(), rating: z.number().nullable() })

const payments = topic('payments', { key: string, value: double, partitions: 1 })
const ratings = topic('ratings', { key: string, value: int64, partitions: 1 })
const rated = topic('rated-payments', { key: string, value: json(Rated), partitions: 1 })

/** Joins a payment with the customer's rating of that time, unless the rating is older than the bound. */
function ratedPayments() {
  const joining = app('rated-payments')
  const latest = keyValueStore('latest-ratings', { key: string, value: int64 })
  joining.stream(ratings).process({
    stores: { latest },
    create:
      ({ stores }) =>
      (rating, customer) =>
        stores.latest.put(customer, rating),
  })
  joining
    .stream(payments)
    .processValues({
      stores: { latest },
      value: rated.value,
      create:
        ({ stores, forward }) =>
        (amount, customer, { timestamp }) => {
          const row = stores.latest.getRow(customer)
          const known = row !== undefined && timestamp - row.timestamp <= BOUND_MS
          forward({ amount, rating: known ? row.value : null })
        },
    })
    .to(rated)
  return joining
}

test('payments wait for the ratings of their time, though these are written after them', async () => {
  await using cluster = await openCluster('memory:custom-join')
  await using running = await ratedPayments().start({
    cluster,
    store: 'memory',
    commitIntervalMs: 1,
    maxTaskIdleMs: 600_000,
  })
  await running.whenRunning()
  const positions = []
  for (const [customer, amount, timestamp] of [
    ['alice', 999.99, 10],
    ['bobby', 222.22, 15],
    ['alice', 555.55, 30],
    ['alice', 666.66, 40],
    ['bobby', 111.11, 1_060],
  ] as const) {
    positions.push((await running.append(payments, customer, amount, { timestamp })).position)
  }
  for (const [customer, rating, timestamp] of [
    ['alice', 1, 20],
    ['alice', 2, 39],
    ['bobby', 8, 50],
    // Until something later is rated, the last payment waits: a rating of its time might still come.
    ['chao', 1, 1_061],
  ] as const) {
    await running.append(ratings, customer, rating, { timestamp })
  }
  const paid = mergePositions(...positions)
  const { promise, resolve } = Promise.withResolvers<void>()
  const check = () => {
    if (covers(running.position(), paid)) resolve()
  }
  running.onChange(check)
  check()
  await promise
  const results = []
  for await (const { batches } of readTopic(cluster, rated.name)) {
    for (const batch of batches) {
      const records = batch.records()
      for (let i = 0; i < records.count; i++)
        results.push(rated.value.decode(records.value(i) ?? assert.fail()))
    }
  }
  assert.deepEqual(results, [
    { amount: 999.99, rating: null },
    { amount: 222.22, rating: null },
    { amount: 555.55, rating: 1 },
    { amount: 666.66, rating: 2 },
    { amount: 111.11, rating: null },
  ])
})
