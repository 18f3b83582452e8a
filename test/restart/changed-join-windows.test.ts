import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readTopic } from '../../src/client/read-topic.ts'
import { app, openCluster, string, topic } from '../../src/index.ts'
import type { App, Cluster, KStream } from '../../src/index.ts'

const text = { key: string, value: string, partitions: 1 }
const lefts = topic('lefts', text)
const rights = topic('rights', text)
const pairs = topic('pairs', text)

const HOUR = 3_600_000
const NOW = 5 * HOUR

type Windows = { readonly beforeMs: number; readonly afterMs: number; readonly graceMs: number }
const around = (ms: number, graceMs = 0): Windows => ({ beforeMs: ms, afterMs: ms, graceMs })

const joiner = (a: string | null, b: string | null) => `${a}+${b}`

const KINDS: Record<string, (shop: App, within: Windows) => KStream<string, string>> = {
  'an inner join': (shop, within) =>
    shop.stream(lefts).join(shop.stream(rights), joiner, { within, name: 'pairing', value: string }),
  'a left join': (shop, within) =>
    shop.stream(lefts).leftJoin(shop.stream(rights), joiner, { within, name: 'pairing', value: string }),
  'a join of a stream with itself': (shop, within) => {
    const both = shop.stream([lefts, rights])
    return both.join(both, joiner, { within, name: 'pairing', value: string })
  },
}

const CHANGES: Record<string, readonly [Windows, Windows]> = {
  'a longer grace': [around(HOUR), around(HOUR, 9 * HOUR)],
  'a shorter grace': [around(HOUR, 9 * HOUR), around(HOUR)],
  'a longer window': [around(1_000), around(9 * HOUR)],
  'a shorter window': [around(9 * HOUR), around(1_000)],
}

for (const [kind, define] of Object.entries(KINDS)) {
  for (const [change, [before, now]] of Object.entries(CHANGES)) {
    test(`${kind} finds the partners from before it got ${change}`, { timeout: 30_000 }, async () => {
      await using cluster = await openCluster(`memory:${kind}-${change}`)
      const start = async (within: Windows) => {
        const shop = app('shop')
        define(shop, within).to(pairs)
        return await shop.start({ cluster, store: 'memory', commitIntervalMs: 5 })
      }
      {
        await using running = await start(before)
        await running.append(lefts, 'a', 'l1', { timestamp: NOW })
        await running.append(rights, 'a', 'r1', { timestamp: NOW + 10 })
        await untilThere(cluster, 'l1+r1')
      }
      for (const [left, right] of [
        ['l2', 'r2'],
        ['l3', 'r3'],
      ] as const) {
        // The second time the rows have been moved by another instance already.
        await using running = await start(now)
        await running.append(lefts, 'a', left, { timestamp: NOW + 20 })
        await untilThere(cluster, `${left}+r1`)
        await running.append(rights, 'a', right, { timestamp: NOW + 30 })
        await untilThere(cluster, `l1+${right}`)
      }
      const found = await written(cluster)
      const expected = ['l1', 'l2', 'l3'].flatMap(left => ['r1', 'r2', 'r3'].map(right => `${left}+${right}`))
      for (const pair of expected) {
        assert.equal(found.filter(each => each === pair).length, 1, `${pair} in ${found.join(' ')}`)
      }
    })
  }
}

async function untilThere(cluster: Cluster, pair: string): Promise<void> {
  while (!(await written(cluster)).includes(pair)) await new Promise(resolve => setTimeout(resolve, 5))
}

async function written(cluster: Cluster): Promise<string[]> {
  const found: string[] = []
  for await (const { batches } of readTopic(cluster, pairs.name)) {
    for (const batch of batches) {
      const records = batch.records()
      for (let i = 0; i < records.count; i++) found.push(string.decode(records.value(i) ?? Buffer.alloc(0)))
    }
  }
  return found
}
