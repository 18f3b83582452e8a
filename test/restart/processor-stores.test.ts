import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openCluster } from '../../src/app/open-cluster.ts'
import { createTopics } from '../../src/client/admin.ts'
import { Producer } from '../../src/client/producer.ts'
import { readTopic } from '../../src/client/read-topic.ts'
import { int64, string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import {
  keyValueStore,
  lruMap,
  sessionStore,
  versionedStore,
  windowStore,
} from '../../src/streams/dsl/stores.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import type { Topology } from '../../src/streams/graph/topology.ts'
import { type Application, startApplication } from '../../src/streams/runtime/application.ts'
import { LmdbEngine } from '../../src/streams/state/lmdb.ts'
import { testDriver } from '../../src/testing/test-driver.ts'

const input = topic('in', { key: string, value: int64, partitions: 1 })
const output = topic('out', { key: string, value: string, partitions: 1 })

/** Every record says what all kinds of stores know of its key, and leaves its mark in each. */
function remembering(): Topology {
  const both = { key: string, value: int64 }
  const builder = new StreamsBuilder()
  const table = builder.stream(input).groupByKey().count({ store: 'counted', logged: false })
  builder
    .stream(input)
    .processValues({
      value: string,
      stores: {
        table,
        unlogged: keyValueStore('unlogged', { ...both, logged: false }),
        recent: lruMap('recent', { ...both, maxEntries: 3 }),
        windows: windowStore('windows', { ...both, sizeMs: 10, retentionMs: 100 }),
        visits: sessionStore('visits', { ...both, retentionMs: 100 }),
        versions: versionedStore('versions', { ...both, historyRetentionMs: 100 }),
      },
      create:
        ({ stores: { table: counts, unlogged, recent, windows, visits, versions }, forward }) =>
        (value, key, { timestamp }) => {
          const known = [
            counts.get(key),
            unlogged.get(key),
            recent.get(key),
            Array.from(recent.entries({ reverse: true }), ([each]) => each).join(''),
            Array.from(windows.fetch(key, { reverse: true }), ([, each]) => each).join('+'),
            Array.from(visits.findSessions(key), ([session]) => session.start).join('+'),
            versions.get(key, timestamp - 20)?.value,
          ]
          forward(known.join(' '))
          unlogged.put(key, value)
          recent.put(key, value)
          windows.put(key, value, timestamp - (timestamp % 10))
          visits.put({ key, start: Math.max(0, timestamp - (value % 7)), end: timestamp }, value)
          versions.put(key, value % 5 === 0 ? null : value)
        },
    })
    .to(output)
  return builder.build('remembering')
}

const records = Array.from({ length: 240 }, (_, i) => ({
  key: `k${(i * i) % 7}`,
  value: i,
  timestamp: Math.max(0, i * 2 - (i % 9) * 3),
}))

/** Resolves when the application has committed the input up to the offset. */
function untilCommitted(application: Application, offset: number): Promise<void> {
  return new Promise(resolve => {
    const look = (): void => {
      if ((application.tasks()[0]?.committed.get(input.name) ?? 0) < offset) return
      stop()
      resolve()
    }
    const stop = application.onChange(look)
    look()
  })
}

test('all kinds of stores go on over crashes as if there had been none', async t => {
  const driver = testDriver({ topology: remembering })
  for (const record of records) driver.send(input, record)
  const expected = driver.read(output).map(({ key, value }) => `${key}: ${value}`)
  assert.ok(new Set(expected).size > 200)

  await using cluster = await openCluster('memory:processor-stores-restart')
  await createTopics(cluster, [
    { name: input.name, partitions: 1 },
    { name: output.name, partitions: 1 },
  ])
  const directory = mkdtempSync(join(tmpdir(), 'evert-processor-stores-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const lives = 5
  const each = records.length / lives
  for (let life = 1; life <= lives; life++) {
    await using producer = new Producer(cluster)
    for (const { key, value, timestamp } of records.slice((life - 1) * each, life * each)) {
      producer.append(input.name, 0, timestamp, Buffer.from(key), int64.encode(value), [])
    }
    await producer.flush()
    const engine = new LmdbEngine(directory)
    const application = await startApplication({
      topology: remembering(),
      cluster,
      engine,
      commitIntervalMs: 1,
    })
    await application.whenRunning()
    await untilCommitted(application, life * each - (life < lives ? 15 : 0))
    if (life < lives) await application.abandon()
    else await application.close()
    await engine.close()
  }
  const found: string[] = []
  for await (const { batches } of readTopic(cluster, output.name)) {
    for (const batch of batches) {
      const columns = batch.records()
      for (let i = 0; i < columns.count; i++) {
        found.push(`${String(columns.key(i))}: ${String(columns.value(i))}`)
      }
    }
  }
  assert.deepEqual(found, expected)
})
