import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { createTopics, describeCluster } from '../client/admin.ts'
import type { Cluster } from '../client/cluster.ts'
import { string } from '../contracts/codecs.ts'
import { topic } from '../contracts/topic.ts'
import { isEvertError } from '../errors.ts'
import { openEmbedded } from '../broker/open-embedded.ts'
import { app } from './app.ts'
import { openCluster } from './open-cluster.ts'
import { placeOf } from './place-of.ts'

function newDirectory(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'evert-clusters-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function addressOf(cluster: Cluster): Promise<{ host: string; port: number }> {
  const [broker] = (await describeCluster(cluster)).brokers
  assert.ok(broker)
  return { host: broker.host, port: broker.port }
}

describe('the listener of an embedded log', () => {
  test('is where describeCluster says, and Kafka clients reach the log there', async () => {
    using directory = newDirectory()
    for (const url of [`file:${directory.path}`, 'memory:listener']) {
      const port = await freePort()
      await using cluster = await openCluster(url, { listener: { port } })
      assert.deepEqual(await addressOf(cluster), { host: '127.0.0.1', port })
      await createTopics(cluster, [{ name: 'a', partitions: 2 }])
      await using outside = await openCluster(`kafka://127.0.0.1:${port}`)
      assert.equal(await outside.partitionsOf('a'), 2)
    }
  })

  test('takes any free port when none is named, and tells clients the host that it is told', async () => {
    await using cluster = await openCluster('memory:any', { listener: { advertisedHost: 'localhost' } })
    const { host, port } = await addressOf(cluster)
    assert.equal(host, 'localhost')
    assert.ok(port > 0)
  })

  test('is shared by everyone who asks for the same one, or for none', async () => {
    const port = await freePort()
    await using _first = await openCluster('memory:same', { listener: { port } })
    for (const listener of [undefined, {}, { port }, { host: '127.0.0.1', port }]) {
      await using other = await openCluster('memory:same', listener === undefined ? {} : { listener })
      assert.equal((await addressOf(other)).port, port)
    }
  })

  test('is refused when the log has another one, or none, and the log stays open', async () => {
    const port = await freePort()
    await using first = await openCluster('memory:other', { listener: { port } })
    for (const listener of [{ port: port === 1 ? 2 : port - 1 }, { host: '0.0.0.0', port }]) {
      await assert.rejects(
        openCluster('memory:other', { listener }),
        error => isEvertError(error, 'INVALID_ARGUMENT') && error.message.includes(`127.0.0.1:${port}`),
      )
    }
    assert.equal((await addressOf(first)).port, port)
    await using _silent = await openCluster('memory:silent')
    await assert.rejects(
      openCluster('memory:silent', { listener: {} }),
      error => isEvertError(error, 'INVALID_ARGUMENT') && /without a listener/.test(error.message),
    )
  })

  test('that cannot be had leaves nothing open', async () => {
    using directory = newDirectory()
    const url = `file:${directory.path}`
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    await assert.rejects(openCluster(url, { listener: { port } }), error => isEvertError(error, 'CONNECTION'))
    taken.close()
    await once(taken, 'close')
    await using cluster = await openCluster(url, { listener: { port } })
    assert.equal((await addressOf(cluster)).port, port)
  })

  test('cannot be asked for of a log that has another owner', async () => {
    using directory = newDirectory()
    const url = `file:${directory.path}`
    // Not through openCluster: as if another process had it.
    const owner = await openEmbedded(url)
    assert.equal(owner.kind, 'owner')
    const { port } = owner.broker.address
    await assert.rejects(
      openCluster(url, { listener: { port } }),
      error => isEvertError(error, 'DIRECTORY_IN_USE') && error.message.includes(`:${port}`),
    )
    await using guest = await openCluster(url)
    assert.equal((await addressOf(guest)).port, port)
    await guest.close()
    await owner.close()
  })

  test('is no option of a kafka: cluster, of a cluster that is open, and not on what is no port', async () => {
    const isRefused = (error: unknown) => isEvertError(error, 'INVALID_ARGUMENT')
    await assert.rejects(openCluster('kafka://127.0.0.1:1', { listener: {} }), isRefused)
    for (const port of [-1, 65_536, 1.5, Number.NaN]) {
      await assert.rejects(openCluster('memory:port', { listener: { port } }), isRefused)
    }
    await using cluster = await openCluster('memory:given')
    const shop = app('shop')
    shop.table(topic('rows', { key: string, value: string })).view('rows')
    await assert.rejects(shop.start({ cluster, listener: {} }), isRefused)
  })

  test('of an application that opens its log is where it was told', async () => {
    const port = await freePort()
    const shop = app('listening')
    shop.table(topic('rows', { key: string, value: string, partitions: 3 })).view('rows')
    await using _running = await shop.start({ cluster: 'memory:app', listener: { port } })
    await using outside = await openCluster(`kafka://127.0.0.1:${port}`)
    assert.equal(await outside.partitionsOf('rows'), 3)
  })
})

describe('one directory', () => {
  test('is one place in every spelling, before and after it exists', () => {
    using directory = newDirectory()
    const { path } = directory
    mkdirSync(join(path, 'real'))
    symlinkSync(join(path, 'real'), join(path, 'link'))
    const spellings = [
      `file:${join(path, 'real', 'a', 'b')}`,
      `file:${join(path, 'link', 'a', 'b')}`,
      `file:${path}/link/./a/../a/b/`,
      pathToFileURL(join(path, 'link', 'a', 'b')).href,
    ]
    const before = spellings.map(placeOf)
    mkdirSync(join(path, 'real', 'a', 'b'), { recursive: true })
    assert.deepEqual(new Set([...before, ...spellings.map(placeOf)]).size, 1)
    assert.notEqual(placeOf(`file:${join(path, 'real', 'a')}`), before[0])
  })

  test('that cannot be had is an error with its path, of the log and of the state', async () => {
    using directory = newDirectory()
    const file = join(directory.path, 'file')
    writeFileSync(file, '')
    const isRefused = (error: unknown) => isEvertError(error, 'DISK') && error.message.includes(file)
    await assert.rejects(openCluster(`file:${file}`), isRefused)
    await assert.rejects(openCluster(`file:${join(file, 'below')}`), isRefused)
    const shop = app('shop')
    shop.table(topic('rows', { key: string, value: string })).view('rows')
    await assert.rejects(shop.start({ cluster: 'memory:', stateDir: file }), isRefused)
  })

  test('that is most likely not the one that is meant is refused', async () => {
    for (const url of ['file://', 'file:~/shop', 'file://tmp/shop']) {
      await assert.rejects(openCluster(url), { code: 'INVALID_CLUSTER_URL' })
    }
  })

  test('that does not exist yet is opened once, however it is spelled', async () => {
    using directory = newDirectory()
    mkdirSync(join(directory.path, 'real'))
    symlinkSync(join(directory.path, 'real'), join(directory.path, 'link'))
    const [one, two] = await Promise.all(
      // A listener can be asked for here only by whoever runs the log.
      ['real', 'link'].map(parent =>
        openCluster(`file:${join(directory.path, parent, 'data')}`, { listener: {} }),
      ),
    )
    assert.ok(one !== undefined && two !== undefined)
    await createTopics(one, [{ name: 'a', partitions: 1 }])
    assert.equal(await two.partitionsOf('a'), 1)
    await two.close()
    await one.close()
  })
})
