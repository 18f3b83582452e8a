import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { type Broker, openBroker } from './broker.ts'
import { openMemoryStorage } from './storage/storage.ts'
import { TestClient } from './test-client.ts'

const skip = spawnSync('kcat', ['-V']).error === undefined ? false : 'kcat is not installed'
const run = promisify(execFile)

async function opened() {
  const broker = await openBroker({ storage: await openMemoryStorage(), listener: {} })
  const client = new TestClient(broker)
  await client.createTopic('orders', 2)
  return { broker, client, [Symbol.asyncDispose]: () => broker.close() }
}

async function kcat(broker: Broker, args: readonly string[], input = ''): Promise<string> {
  const { host, port } = broker.address
  const running = run('kcat', ['-b', `${host}:${port}`, ...args], { timeout: 20_000 })
  running.child.stdin?.end(input)
  return (await running).stdout
}

function consume(broker: Broker, ...options: string[]): Promise<string> {
  const args = ['-C', '-t', 'orders', '-p', '0', '-o', 'beginning', '-e', '-q']
  return kcat(broker, [...args, '-f', '%o %k=%s %h\\n', ...options])
}

describe('kcat (librdkafka)', { skip }, () => {
  test('lists the node, the topics and their partitions', async () => {
    await using fixture = await opened()
    const listed = await kcat(fixture.broker, ['-L', '-J'])
    const { brokers, topics } = JSON.parse(listed) as {
      brokers: { id: number; name: string }[]
      topics: { topic: string; partitions: { leader: number }[] }[]
    }
    const { host, port } = fixture.broker.address
    assert.deepEqual(brokers, [{ id: 1, name: `${host}:${port}` }])
    assert.deepEqual(
      topics.map(({ topic, partitions }) => [topic, partitions.map(({ leader }) => leader)]),
      [['orders', [1, 1]]],
    )
  })

  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    test(`reads what it has produced with compression ${codec}`, async () => {
      await using fixture = await opened()
      const args = ['-P', '-t', 'orders', '-p', '0', '-K', ':', '-z', codec, '-H', 'source=test']
      await kcat(fixture.broker, args, 'a:1\nb:2\nc:3\n')
      assert.equal(await consume(fixture.broker), '0 a=1 source=test\n1 b=2 source=test\n2 c=3 source=test\n')
    })
  }

  test('reads what another client has produced', async () => {
    await using fixture = await opened()
    await fixture.client.produce('orders', ['x', 'y'])
    assert.equal(await consume(fixture.broker), '0 =x \n1 =y \n')
  })

  test('starts at a timestamp', async () => {
    await using fixture = await opened()
    await fixture.client.produce('orders', ['old'])
    await kcat(fixture.broker, ['-P', '-t', 'orders', '-p', '0'], 'new\n')
    const args = ['-C', '-t', 'orders', '-p', '0', '-o', 's@1700000000001', '-e', '-q']
    assert.equal(await kcat(fixture.broker, args), 'new\n')
  })

  test('produces idempotently', async () => {
    await using fixture = await opened()
    await kcat(fixture.broker, ['-P', '-t', 'orders', '-p', '0', '-X', 'enable.idempotence=true'], 'a\nb\n')
    assert.deepEqual(await fixture.client.committedValues('orders'), ['a', 'b'])
  })

  test('commits a transaction, and reads only committed records', async () => {
    await using fixture = await opened()
    const open = await fixture.client.initProducer('other')
    await kcat(fixture.broker, ['-P', '-t', 'orders', '-p', '0', '-X', 'transactional.id=kcat'], 'a\nb\n')
    const committed = ['-X', 'isolation.level=read_committed']
    assert.equal(await consume(fixture.broker, ...committed), '0 =a \n1 =b \n')
    await fixture.client.produce('orders', ['open'], { ...open, transactionalId: 'other' })
    assert.equal(await consume(fixture.broker, ...committed), '0 =a \n1 =b \n')
    const all = await consume(fixture.broker, '-X', 'isolation.level=read_uncommitted')
    assert.equal(all, '0 =a \n1 =b \n3 =open \n')
    await fixture.client.endTxn('other', open, false)
    assert.equal(await consume(fixture.broker, ...committed), '0 =a \n1 =b \n')
  })
})
