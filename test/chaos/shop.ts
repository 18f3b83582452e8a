/**
 * The application under chaos: visits and payments are keyed anew by their user (repartition topics), visits are
 * counted per user and per window, joined with the payments around them and with the table of users. All times are
 * event time and grace is long, so that the results do not depend on how the inputs interleave.
 */
import { int64, StreamsBuilder, string, topic, tumbling } from '../../src/index.ts'
import type { Topology } from '../../src/streams/graph/topology.ts'

export const APPLICATION_ID = 'shop'
const DAY_MS = 86_400_000
const WINDOW_MS = 10_000
const WITHIN_MS = 100
/** Event time between two records. */
export const STEP_MS = 5
/** When event time begins. */
export const BASE_MS = 1_700_000_000_000

const text = { key: string, value: string, partitions: 3 }
const numbers = { key: string, value: int64, partitions: 3 }

export const users = topic('users', text)
/** Values are `n user transaction`, see `entryOf`. */
export const visits = topic('visits', text)
export const payments = topic('payments', text)

/** 1, 2, 3 … for each user. */
export const visitCounts = topic('visit-counts', numbers)
/** 1, 2, 3 … for each `user@window`. */
export const windowCounts = topic('window-counts', numbers)
/** `visit+payment`, by user. */
export const pairs = topic('pairs', text)
/** The visit as it came, with its partition and the user's name behind it. */
export const greetings = topic('greetings', text)

export const inputs = [users, visits, payments] as const
export const outputs = [visitCounts, windowCounts, pairs, greetings] as const

export interface Entry {
  readonly n: number
  readonly user: string
  readonly partition: number
  readonly transaction: string
}

export function textOf({ n, user, partition, transaction }: Entry): string {
  return `${n} ${user} ${partition} ${transaction}`
}

export function entryOf(value: string): Entry {
  const [n, user, partition, transaction] = value.split(' ') as [string, string, string, string]
  return { n: Number(n), user, partition: Number(partition), transaction }
}

export function shopTopology(): Topology {
  const builder = new StreamsBuilder()
  const byUser = (value: string): string => entryOf(value).user
  const ofVisits = builder.stream(visits).selectKey(byUser).repartition({ name: 'visits-by-user' })
  const ofPayments = builder.stream(payments).selectKey(byUser).repartition({ name: 'payments-by-user' })

  const grouped = ofVisits.groupByKey()
  grouped.count({ store: 'visits' }).toStream().to(visitCounts)
  grouped
    .windowedBy(tumbling({ sizeMs: WINDOW_MS, graceMs: DAY_MS }))
    .count({ store: 'visits-in-windows' })
    .toStream()
    .selectKey((_count, { key, start }) => `${key}@${start}`)
    .to(windowCounts)
  ofVisits
    .join(ofPayments, (visit, payment) => `${entryOf(visit).n}+${entryOf(payment).n}`, {
      within: { beforeMs: WITHIN_MS, afterMs: WITHIN_MS, graceMs: DAY_MS },
      value: string,
      name: 'pairs-of-user',
    })
    .to(pairs)
  ofVisits
    .join(builder.table(users, { store: 'users' }), (visit, name) => `${visit} ${name}`, { value: string })
    .to(greetings)
  return builder.build(APPLICATION_ID)
}
