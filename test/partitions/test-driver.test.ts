import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCluster } from '../../src/app/open-cluster.ts'
import { app } from '../../src/app/app.ts'
import { readTopic } from '../../src/client/read-topic.ts'
import { int64, string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { recordOf, testDriver } from '../../src/testing/index.ts'

const words = topic('words', { key: string, value: string, partitions: 3 })
const lengths = topic('lengths', { key: string, value: int64, partitions: 3 })
const joined = topic('joined', { key: string, value: string, partitions: 4 })

/** The order of each key is kept; that of different keys depends on which task was first. */
function byKey(lines: readonly string[]): string[] {
  const keyOf = (line: string) => line.slice(0, line.indexOf(':'))
  return lines.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0))
}

/** Whose results depend on the order of each key alone. */
function joining() {
  const application = app('joining')
  const table = application.table(lengths)
  application
    .stream(words)
    .leftJoin(table, (word, length) => `${word} ${length ?? 'unknown'}`, { value: string })
    .groupByKey()
    .reduce((one, next) => `${one}, ${next}`, { store: 'all' })
    .toStream()
    .to(joined, { partition: (_, key, count) => (key === 'k3' ? count - 1 : undefined) })
  return application
}

const inputs = [
  ...Array.from({ length: 20 }, (_, i) => recordOf(lengths, { key: `k${i}`, value: i, timestamp: i })),
  ...Array.from({ length: 60 }, (_, i) =>
    recordOf(words, { key: `k${i % 25}`, value: `w${i}`, timestamp: 100 + i }),
  ),
]

test('the test driver puts into every partition what an application puts there', async () => {
  await using cluster = await openCluster('memory:test-driver')
  await using running = await joining().start({ cluster, store: 'memory', commitIntervalMs: 10 })
  for (const { topic: to, key, value, timestamp } of inputs) {
    await running.append(to, key, value, { timestamp: timestamp as number })
  }
  const expected = await written()
  for (const seed of [undefined, 1, 2, 3]) {
    const driver = testDriver(joining(), {
      partitions: { words: 3, lengths: 3, joined: 4 },
      ...(seed !== undefined && { seed }),
    })
    for (const input of inputs) driver.send(input.topic, input)
    for (let partition = 0; partition < 4; partition++) {
      const lines = driver.read(joined, { partition }).map(({ key, value }) => `${key}: ${value}`)
      assert.deepEqual(byKey(lines), byKey(expected[partition] ?? []))
      assert.ok(lines.length > 0)
    }
  }

  async function written(): Promise<string[][]> {
    const deadline = performance.now() + 15_000
    for (;;) {
      const lines: string[][] = [[], [], [], []]
      for await (const { partition, batches } of readTopic(cluster, joined.name)) {
        for (const batch of batches) {
          const records = batch.records()
          for (let i = 0; i < records.count; i++) {
            lines[partition]?.push(`${records.key(i)?.toString()}: ${records.value(i)?.toString()}`)
          }
        }
      }
      if (lines.flat().length === 60) return lines
      assert.ok(performance.now() < deadline, `only ${lines.flat().length} records after 15 s`)
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }
})
