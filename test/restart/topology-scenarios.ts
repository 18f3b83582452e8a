import assert from 'node:assert/strict'
import { readTopic } from '../../src/client/read-topic.ts'
import { app, type App, type Cluster, int32, int64, string, topic, tumbling } from '../../src/index.ts'
import type { StartOptions, Topic } from '../../src/index.ts'

/** Starts an application of three, over and over, each time with another topology. */
export interface Scenario {
  readonly name: string
  readonly before: (shop: App, topics: Topics) => void
  readonly now: (shop: App, topics: Topics) => void
  /** Each is in the error; none: it starts. */
  readonly refusals: readonly RegExp[]
  /** Last values of the output, by key, after one more record was counted by a topology that starts. */
  /** Apache Kafka 4.3 does not let a group take the new topology, though the state fits. */
  readonly isRefusedByKafka?: true
  readonly counts?: Readonly<Record<string, number>>
}

export interface Topics {
  readonly visits: Topic<string, string>
  readonly others: Topic<string, string>
  readonly counts: Topic<string, number>
  readonly otherCounts: Topic<string, number>
  readonly numbers: Topic<number, number>
}

/** On a cluster that scenarios share, each has topics of its own. */
export function topicsOf(prefix: string): Topics {
  return {
    visits: topic(`${prefix}visits`, { key: string, value: string, partitions: 2 }),
    others: topic(`${prefix}others`, { key: string, value: string, partitions: 2 }),
    counts: topic(`${prefix}counts`, { key: string, value: int64, partitions: 1 }),
    otherCounts: topic(`${prefix}other-counts`, { key: string, value: int64, partitions: 1 }),
    numbers: topic(`${prefix}numbers`, { key: int32, value: int64, partitions: 1 }),
  }
}

const counted = (shop: App, { visits, counts }: Topics, store?: string) =>
  shop
    .stream(visits)
    .groupByKey()
    .count(store === undefined ? {} : { store })
    .toStream()
    .to(counts)

const peeked = (shop: App, { visits, counts }: Topics, store?: string) =>
  shop
    .stream(visits)
    .peek(() => {})
    .groupByKey()
    .count(store === undefined ? {} : { store })
    .toStream()
    .to(counts)

const windowed =
  (sizeMs: number) =>
  (shop: App, { visits, counts }: Topics) =>
    shop
      .stream(visits)
      .groupByKey()
      .windowedBy(tumbling({ sizeMs, graceMs: 0 }))
      .count({ store: 'by-minute' })
      .toStream()
      .selectKey((_, windowed) => windowed.key)
      .to(counts)

const both =
  (first: 'visits' | 'others', second: 'visits' | 'others') =>
  (shop: App, topics: Topics): void => {
    for (const input of [first, second])
      shop.stream(topics[input]).groupByKey().count().toStream().to(topics.counts)
  }

/** Counts of one topic that differ in nothing that a layout can know, but for where they go. */
const alike =
  (...outputs: readonly ('counts' | 'otherCounts')[]) =>
  (shop: App, topics: Topics): void => {
    const visits = shop.stream(topics.visits)
    for (const output of outputs) {
      visits
        .filter(page => output === 'counts' || page === '/a')
        .groupByKey()
        .count()
        .toStream()
        .to(topics[output])
    }
  }

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'an operator before a count without a name',
    before: (shop, topics) => counted(shop, topics),
    now: (shop, topics) => peeked(shop, topics),
    refusals: [
      /store KSTREAM-AGGREGATE-STATE-STORE-0000000001 would be orphaned.*KSTREAM-AGGREGATE-STATE-STORE-0000000002 would start empty/,
      /\{ store: 'KSTREAM-AGGREGATE-STATE-STORE-0000000001' \}/,
      /added: KSTREAM-PEEK-0000000001 \(from \S*visits\)/,
      /renamed: KSTREAM-AGGREGATE-0000000002 is now KSTREAM-AGGREGATE-0000000003/,
      /onTopologyChange: 'accept'/,
    ],
  },
  {
    name: 'the same with the name that the error asks for',
    before: (shop, topics) => counted(shop, topics),
    now: (shop, topics) => peeked(shop, topics, 'KSTREAM-AGGREGATE-STATE-STORE-0000000001'),
    refusals: [],
    counts: { a: 3, b: 1 },
  },
  {
    name: 'an operator before a count with a name',
    before: (shop, topics) => counted(shop, topics, 'visits-by-user'),
    now: (shop, topics) => peeked(shop, topics, 'visits-by-user'),
    refusals: [],
    counts: { a: 3, b: 1 },
  },
  {
    name: 'an operator that was removed before a count without a name',
    before: (shop, topics) => peeked(shop, topics),
    now: (shop, topics) => counted(shop, topics),
    refusals: [
      /store KSTREAM-AGGREGATE-STATE-STORE-0000000002 would be orphaned/,
      /removed: KSTREAM-PEEK-0000000001/,
    ],
  },
  {
    name: 'a store that was renamed',
    before: (shop, topics) => counted(shop, topics, 'visits-by-user'),
    now: (shop, topics) => counted(shop, topics, 'by-user'),
    refusals: [/visits-by-user would be orphaned.*by-user would start empty.*\{ store: 'visits-by-user' \}/],
  },
  {
    name: 'a named count that was removed while another one stays',
    isRefusedByKafka: true,
    before: (shop, topics) => {
      counted(shop, topics, 'visits-by-user')
      shop.stream(topics.visits).groupByKey().count({ store: 'again' })
    },
    now: (shop, topics) => counted(shop, topics, 'visits-by-user'),
    refusals: [],
    counts: { a: 3, b: 1 },
  },
  {
    name: 'a count without a name that was removed: which of two, nobody knows',
    before: (shop, topics) => both('visits', 'others')(shop, topics),
    now: (shop, topics) => shop.stream(topics.others).groupByKey().count().toStream().to(topics.counts),
    refusals: [
      /store KSTREAM-AGGREGATE-STATE-STORE-0000000006 would be orphaned/,
      /store KSTREAM-AGGREGATE-STATE-STORE-0000000001 would go to another operator/,
    ],
  },
  {
    name: 'two counts without names that changed places',
    before: both('visits', 'others'),
    now: both('others', 'visits'),
    refusals: [
      /KSTREAM-AGGREGATE-STATE-STORE-0000000001 would go to another operator: to KSTREAM-AGGREGATE-0000000002, which now reads "\S*others" and read "\S*visits"/,
    ],
  },
  {
    name: 'a like count without a name before the one that was there',
    before: alike('counts'),
    now: alike('otherCounts', 'counts'),
    refusals: [
      /KSTREAM-AGGREGATE-STATE-STORE-0000000002 would go to another operator: to KSTREAM-AGGREGATE-0000000003, whose results now go to "\S*other-counts" and went to "\S*counts"/,
      /renamed: KSTREAM-AGGREGATE-0000000003 is now KSTREAM-AGGREGATE-0000000008/,
    ],
  },
  {
    name: 'a like count without a name after the one that was there',
    isRefusedByKafka: true,
    before: alike('counts'),
    now: alike('counts', 'otherCounts'),
    refusals: [],
    counts: { a: 3, b: 1 },
  },
  {
    name: 'a like count without a name and to the same topic: which of two, nobody knows',
    before: alike('counts'),
    now: alike('counts', 'counts'),
    refusals: [/KSTREAM-AGGREGATE-0000000003, which has others like it now or had them/],
  },
  {
    name: 'two like counts of one topic that changed places',
    before: alike('counts', 'otherCounts'),
    now: alike('otherCounts', 'counts'),
    refusals: [
      /0000000002 would go to another operator.* now go to "\S*other-counts" and went to "\S*counts"/,
      /0000000007 would go to another operator.* now go to "\S*counts" and went to "\S*other-counts"/,
    ],
  },
  {
    name: 'two like counts of one topic, one of which goes to another topic now',
    before: alike('counts', 'counts'),
    now: alike('counts', 'otherCounts'),
    refusals: [],
  },
  {
    name: 'a new branch with a store of its own',
    isRefusedByKafka: true,
    before: (shop, topics) => counted(shop, topics, 'visits-by-user'),
    now: (shop, topics) => {
      counted(shop, topics, 'visits-by-user')
      shop
        .stream(topics.visits)
        .groupBy(page => page)
        .count({ store: 'by-page' })
    },
    refusals: [],
    counts: { a: 3, b: 1 },
  },
  {
    name: 'another codec of the keys of a store',
    before: (shop, topics) => counted(shop, topics, 'visits-by-user'),
    now: (shop, topics) =>
      shop
        .stream(topics.visits)
        .groupBy((_, user) => user.length, { key: int32, name: 'by-length' })
        .count({ store: 'visits-by-user' })
        .toStream()
        .to(topics.numbers),
    refusals: [/visits-by-user would be misread: its keys were written as "string", now as "int32"/],
  },
  {
    name: 'another size of windows',
    before: windowed(60_000),
    now: windowed(30_000),
    refusals: [
      /by-minute would be misread: its keys were written as "window-60000-string", now as "window-30000-string"/,
    ],
  },
  {
    name: 'another codec of the keys of a repartition topic, behind which a processor keeps state',
    before: (shop, topics) =>
      shop
        .stream(topics.visits)
        .selectKey(page => page)
        .repartition({ name: 'by-page' })
        .peek(() => {})
        .to(topics.others),
    now: (shop, topics) =>
      shop
        .stream(topics.visits)
        .selectKey(page => page.length, { key: int32 })
        .repartition({ name: 'by-page' })
        .map(() => 1, { value: int64 })
        .to(topics.numbers),
    refusals: [/repartition topic "\S*shop-by-page-repartition".*written as "string", now as "int32"/],
  },
  {
    name: 'a table whose name moves: its topic has the rows',
    before: (shop, topics) => shop.table(topics.visits).toStream().to(topics.others),
    now: (shop, topics) => shop.table(topics.visits, { store: 'last-visits' }).toStream().to(topics.others),
    refusals: [],
  },
]

export interface ScenarioStart {
  readonly cluster: Cluster
  /** Of the application's id and of all topics. Default none. */
  readonly prefix?: string
  readonly options: () => Partial<StartOptions>
}

/** Runs both topologies, one after the other, as instances that need not share more than the cluster. */
export async function runScenario(
  { before, now, refusals, counts: expected }: Scenario,
  { cluster, prefix = '', options }: ScenarioStart,
): Promise<void> {
  const id = `${prefix}shop`
  const topics = topicsOf(prefix)
  {
    const first = app(id)
    before(first, topics)
    await using running = await first.start({ cluster, commitIntervalMs: 5, ...options() })
    for (const input of [topics.visits, topics.others]) {
      if (!first.topology().topics.some(({ name }) => name === input.name)) continue
      for (const user of ['a', 'b', 'a']) await running.append(input, user, `/${user}`)
    }
    await running.whenRunning()
    await untilProcessed(cluster, first)
  }
  const changed = app(id)
  now(changed, topics)
  const start = () => changed.start({ cluster, commitIntervalMs: 5, ...options() })
  if (refusals.length > 0) {
    const error = await start().then(
      async running => {
        await running.close()
        return undefined
      },
      (failure: unknown) => failure as Error & { code: string },
    )
    assert.equal(error?.code, 'TOPOLOGY_CHANGED')
    for (const refusal of refusals) assert.match(error.message, refusal)
    return
  }
  await using running = await start()
  if (expected === undefined) return await running.whenRunning()
  await running.append(topics.visits, 'a', '/a')
  for (;;) {
    const found = await latestCounts(cluster, topics)
    if ((found['a'] ?? 0) >= 3 || JSON.stringify(found) === JSON.stringify(expected)) {
      return assert.deepEqual(found, expected)
    }
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

/** Every store has rows in its changelog, so that something could be lost. */
async function untilProcessed(cluster: Cluster, shop: App): Promise<void> {
  const { subTopologies } = shop.topology()
  const internal = subTopologies.flatMap(part => [
    ...part.stores.flatMap(({ changelog }) => (changelog === undefined ? [] : [changelog.topic])),
    ...part.repartitionSinks,
  ])
  for (const name of internal) while (!(await holdsRecords(cluster, name))) await nextTry()
}

export async function holdsRecords(cluster: Cluster, name: string): Promise<boolean> {
  for await (const { batches } of readTopic(cluster, name)) if (batches.length > 0) return true
  return false
}

async function latestCounts(cluster: Cluster, { counts }: Topics): Promise<Record<string, number>> {
  const found: Record<string, number> = {}
  for await (const { batches } of readTopic(cluster, counts.name)) {
    for (const batch of batches) {
      const records = batch.records()
      for (let i = 0; i < records.count; i++) {
        const [key, value] = [records.key(i) ?? assert.fail(), records.value(i) ?? assert.fail()]
        found[counts.key.decode(key)] = counts.value.decode(value)
      }
    }
  }
  return found
}

function nextTry(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, 5))
}
