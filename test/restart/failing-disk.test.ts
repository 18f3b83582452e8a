import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { openBroker } from '../../src/broker/broker.ts'
import { SimulatedDisk } from '../../src/broker/storage/simulated-disk.ts'
import { seededRandom } from '../../src/internal/random.ts'
import { openStorage } from '../../src/broker/storage/storage.ts'
import { type Cluster, clusterFromTransport, transportOptions } from '../../src/client/cluster.ts'
import { inProcessTransport } from '../../src/client/transport/in-process.ts'
import { app, string, topic } from '../../src/index.ts'
import { createTopics, Producer, readTopic } from '../../src/client/index.ts'
import { isEvertError } from '../../src/errors.ts'

const events = topic('events', { key: string, value: string, partitions: 2 })

/** A cluster over a log on the disk; closing it closes the log. */
async function openLog(disk: SimulatedDisk): Promise<Cluster> {
  const broker = await openBroker({ storage: await openStorage(disk, { tailCacheBytes: 0 }) })
  return clusterFromTransport(inProcessTransport(broker, transportOptions(), () => broker.close()))
}

function newStateDirectory(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'evert-failing-disk-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

function isDiskFailure(error: unknown): boolean {
  return (
    isEvertError(error, 'DISK') && !error.retryable && /refuses to write.* Free space/.test(error.message)
  )
}

describe('a disk that fails', { timeout: 30_000 }, () => {
  test('rejects what is sent and committed, at once and in its own words', async () => {
    const disk = new SimulatedDisk(seededRandom(1))
    await using cluster = await openLog(disk)
    await createTopics(cluster, [{ name: events.name, partitions: 1 }])
    await using plain = new Producer(cluster)
    await plain.send({ topic: events.name, key: null, value: Buffer.from('before') })
    const transactional = new Producer(cluster, { transactionalId: 'x' })
    await transactional.init()
    transactional.begin()
    disk.failing.add('write')
    const sent = plain.send({ topic: events.name, key: null, value: Buffer.from('lost') })
    await assert.rejects(sent, isDiskFailure)
    await assert.rejects(
      plain.send({ topic: events.name, key: null, value: Buffer.from('too') }),
      isDiskFailure,
    )
    transactional.append(events.name, 0, 0, null, Buffer.from('lost'), [])
    await assert.rejects(transactional.commit(), isDiskFailure)
    await assert.rejects(transactional.abort(), isDiskFailure)
    // Also after the first refusal, which leaves the transaction in doubt.
    await assert.rejects(transactional.abort(), isDiskFailure)
    await assert.rejects(transactional.close(), isDiskFailure)
  })

  test('fails the application, which ends, and loses nothing that was acknowledged', async () => {
    using state = newStateDirectory()
    const disk = new SimulatedDisk(seededRandom(2))
    const counting = app('counting')
    const counts = counting.stream(events).groupByKey().count().view('counts')
    const acknowledged: string[] = []
    {
      const cluster = await openLog(disk)
      const failed = Promise.withResolvers<Error>()
      const running = await counting.start({ cluster, stateDir: state.path, onFailure: failed.resolve })
      await running.whenRunning()
      for (let at = 0; at < 20; at++) {
        await running.append(events, `k${at % 3}`, `v${at}`)
        acknowledged.push(`v${at}`)
      }
      disk.failing.add('write')
      await assert.rejects(running.append(events, 'k', 'lost'), isDiskFailure)
      assert.ok(isDiskFailure(await failed.promise))
      assert.equal(running.state, 'ERROR')
      await running.close().catch((error: unknown) => assert.ok(isDiskFailure(error)))
      // What would spare the next start a scan cannot be written either.
      await assert.rejects(cluster.close(), (error: unknown) => isEvertError(error, 'DISK'))
    }
    disk.failing.clear()
    await using cluster = await openLog(disk.afterKill())
    const values: string[] = []
    for await (const { batches } of readTopic(cluster, events.name))
      for (const batch of batches) {
        const records = batch.records()
        for (let at = 0; at < records.count; at++) values.push(String(records.value(at)))
      }
    for (const value of acknowledged) assert.ok(values.includes(value), `${value} is in the log`)
    await using running = await counting.start({ cluster, stateDir: state.path })
    const { position } = await running.append(events, 'k0', 'after')
    assert.equal(await counts.get('k0', { minPosition: position }), 8)
  })
})
