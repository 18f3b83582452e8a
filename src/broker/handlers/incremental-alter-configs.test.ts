import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorName } from '../../wire/error-codes.ts'
import { describeConfigs } from '../../wire/messages/describe-configs.ts'
import { incrementalAlterConfigs } from '../../wire/messages/incremental-alter-configs.ts'
import { openBroker } from '../broker.ts'
import { MemoryDisk } from '../storage/memory-disk.ts'
import { openStorage } from '../storage/storage.ts'
import { TestClient } from '../test-client.ts'

const GROUP = 32
const TOPIC = 2
const SET = 0
const DELETE = 1

async function opened(disk = new MemoryDisk()) {
  const broker = await openBroker({ storage: await openStorage(disk), sessionTimeoutMs: 9_000 })
  const client = new TestClient(broker)
  return {
    async alter(
      configs: readonly (readonly [name: string, value: string | null])[],
      { type = GROUP, name = 'g', validateOnly = false } = {},
    ): Promise<string> {
      const resource = {
        resourceType: type,
        resourceName: name,
        configs: configs.map(([config, value]) => ({
          name: config,
          configOperation: value === null ? DELETE : SET,
          value,
        })),
      }
      const answer = await client.send(incrementalAlterConfigs, 1, { resources: [resource], validateOnly })
      return errorName(answer.responses[0]?.errorCode ?? -1)
    },
    async configs(group = 'g'): Promise<Record<string, string | null>> {
      const resources = [{ resourceType: GROUP, resourceName: group, configurationKeys: null }]
      const { results } = await client.send(describeConfigs, 4, { resources })
      return Object.fromEntries(results[0]?.configs.map(({ name, value }) => [name, value]) ?? [])
    },
    [Symbol.asyncDispose]: () => broker.close(),
  }
}

test('configs of a group are set, kept over a restart, and deleted, each group for itself', async () => {
  const disk = new MemoryDisk()
  {
    await using broker = await opened(disk)
    assert.equal(
      await broker.alter([
        ['streams.num.standby.replicas', '2'],
        ['streams.session.timeout.ms', '7000'],
      ]),
      'NONE',
    )
    assert.equal(await broker.alter([['streams.session.timeout.ms', null]]), 'NONE')
  }
  await using broker = await opened(disk)
  assert.deepEqual(await broker.configs(), {
    'streams.session.timeout.ms': '9000',
    'streams.heartbeat.interval.ms': '5000',
    'streams.num.standby.replicas': '2',
  })
  assert.equal((await broker.configs('other'))['streams.num.standby.replicas'], '0')
})

for (const [it, configs, options] of [
  ['a name that it does not know', [['streams.nothing', '1']], {}],
  ['a value that is no number', [['streams.num.standby.replicas', 'one']], {}],
  ['a number out of its range', [['streams.num.standby.replicas', '101']], {}],
  ['a session that ends before a heartbeat is due', [['streams.session.timeout.ms', '5000']], {}],
] as const) {
  test(`the broker refuses ${it}, and changes nothing`, async () => {
    await using broker = await opened()
    const before = await broker.configs()
    assert.equal(
      await broker.alter([['streams.num.standby.replicas', '1'], ...configs], options),
      'INVALID_CONFIG',
    )
    assert.deepEqual(await broker.configs(), before)
  })
}

test('the broker changes nothing that it is only to check, and no configs of topics', async () => {
  await using broker = await opened()
  const before = await broker.configs()
  const one = [['streams.num.standby.replicas', '1']] as const
  assert.equal(await broker.alter(one, { validateOnly: true }), 'NONE')
  assert.equal(await broker.alter([['retention.ms', '1']], { type: TOPIC }), 'INVALID_REQUEST')
  assert.equal(await broker.alter(one, { name: '' }), 'INVALID_REQUEST')
  assert.deepEqual(await broker.configs(), before)
})
