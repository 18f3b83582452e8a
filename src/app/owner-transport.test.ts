import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type Embedded, openEmbedded } from '../broker/open-embedded.ts'
import { createTopics } from '../client/admin.ts'
import { Producer } from '../client/producer.ts'
import { string } from '../contracts/codecs.ts'
import { topic } from '../contracts/topic.ts'
import { isEvertError } from '../errors.ts'
import { app } from './app.ts'
import { openCluster } from './open-cluster.ts'

function newDirectory(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'evert-owner-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

type Owner = Embedded & { readonly kind: 'owner' }

/** Owns the directory as another process would: none of the clusters of this one knows it. On no port of `taken`. */
async function own(url: string, taken: readonly number[] = []): Promise<Owner> {
  for (;;) {
    const owner = await openEmbedded(url)
    assert.equal(owner.kind, 'owner')
    if (!taken.includes(owner.broker.address.port)) return owner
    await owner.close()
  }
}

describe('a log that another process owns', { timeout: 30_000 }, () => {
  test('is found again when its owner restarts on another port, by all that is connected', async () => {
    using directory = newDirectory()
    const url = `file:${join(directory.path, 'log')}`
    const first = await own(url)
    const warnings: string[] = []
    const events = topic('events', { key: string, value: string, partitions: 2 })
    const counting = app('counting')
    const counts = counting.stream(events).groupByKey().count().view('counts')
    {
      await using running = await counting.start({
        cluster: url,
        stateDir: join(directory.path, 'state'),
        logger: { info() {}, warn: message => warnings.push(message) },
      })
      const before = await running.append(events, 'k', 'one')
      assert.equal(await counts.get('k', { minPosition: before.position }), 1)

      const { port } = first.broker.address
      await first.close()
      const isOutOfReach = (message: string) => message.includes('out of reach')
      while (!warnings.some(isOutOfReach)) await new Promise(resolve => setImmediate(resolve))
      const tooLate = running.append(events, 'late', 'x', { timeoutMs: 20 })
      await assert.rejects(tooLate, {
        code: 'TIMEOUT',
        message: /to "events" .* within 20 ms: .*may be in the log/,
      })
      const abort = new AbortController()
      const aborted = running.append(events, 'late', 'x', { signal: abort.signal })
      abort.abort(new Error('nobody waits'))
      await assert.rejects(aborted, /nobody waits/)
      await assert.rejects(running.append(events, 'late', 'x', { signal: abort.signal }), /nobody waits/)
      await assert.rejects(running.append(events, 'late', 'x', { timeoutMs: 1e12 }), {
        code: 'INVALID_ARGUMENT',
        message: /"timeoutMs" of append is a number of milliseconds, 0 to/,
      })
      // Sent while there is no owner: delivered once there is one.
      const waiting = running.append(events, 'k', 'two')
      const second = await own(url, [port])
      const { position } = await waiting
      assert.equal(await counts.get('k', { minPosition: position }), 2)
      // Two were on their way when nobody waited for them any more.
      await counts.waitFor('late', count => count === 2, { timeoutMs: 10_000 })
      assert.equal(warnings.filter(isOutOfReach).length, 1)
      assert.ok(
        warnings.some(message => message.endsWith(`is back, on 127.0.0.1:${second.broker.address.port}.`)),
      )
      await running.close()
      await second.close()
    }
  })

  test('cannot be asked while nobody owns it, and is when somebody does', async () => {
    using directory = newDirectory()
    const url = `file:${directory.path}`
    const first = await own(url)
    await using cluster = await openCluster(url)
    const { port } = first.broker.address
    await first.close()
    await assert.rejects(
      cluster.metadata.refresh([]),
      (error: unknown) => isEvertError(error, 'CONNECTION') && error.retryable,
    )
    const second = await own(url, [port])
    await using producer = new Producer(cluster)
    await producer.init()
    await second.close()
  })

  test('gives up a record that it cannot be sent within the delivery timeout', async () => {
    using directory = newDirectory()
    const url = `file:${directory.path}`
    const owner = await own(url)
    await using cluster = await openCluster(url)
    await createTopics(cluster, [{ name: 'events', partitions: 1 }])
    for (const isKnown of [true, false]) {
      const producer = new Producer(cluster, { deliveryTimeoutMs: 150 })
      await producer.prepare(['events'])
      if (isKnown) await producer.init()
      if (isKnown) await owner.close()
      const record = { topic: 'events', key: null, value: Buffer.from('x') }
      await assert.rejects(producer.send(record), {
        code: 'TIMEOUT',
        message:
          /not acknowledged within 150 ms\. None was sent: the leader of the partition was out of reach/,
      })
      await producer.abandon()
    }
  })
})
