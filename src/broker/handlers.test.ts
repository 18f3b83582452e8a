import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ManualClock } from '../internal/clock.ts'
import { batchesIn } from '../records/record-batch.ts'
import { errorCodes, errorName } from '../wire/error-codes.ts'
import { ZERO_UUID } from '../wire/message.ts'
import { apiVersions } from '../wire/messages/api-versions.ts'
import { createPartitions } from '../wire/messages/create-partitions.ts'
import { createTopics } from '../wire/messages/create-topics.ts'
import { deleteRecords } from '../wire/messages/delete-records.ts'
import { deleteTopics } from '../wire/messages/delete-topics.ts'
import { describeConfigs } from '../wire/messages/describe-configs.ts'
import { describeTopicPartitions } from '../wire/messages/describe-topic-partitions.ts'
import { fetch } from '../wire/messages/fetch.ts'
import { findCoordinator } from '../wire/messages/find-coordinator.ts'
import { listOffsets } from '../wire/messages/list-offsets.ts'
import { metadata } from '../wire/messages/metadata.ts'
import { offsetCommit } from '../wire/messages/offset-commit.ts'
import { offsetFetch } from '../wire/messages/offset-fetch.ts'
import { produce } from '../wire/messages/produce.ts'
import { type BrokerOptions, openBroker } from './broker.ts'
import { handlers } from './handler-table.ts'
import { openMemoryStorage } from './storage/storage.ts'
import { recordBatch, TestClient } from './test-client.ts'

async function opened(options: Partial<BrokerOptions> = {}) {
  const clock = new ManualClock(1_700_000_000_000)
  const storage = await openMemoryStorage({ clock })
  const broker = await openBroker({ storage, clock, ...options })
  return { broker, clock, client: new TestClient(broker), [Symbol.asyncDispose]: () => broker.close() }
}

describe('every version that is advertised', () => {
  for (const { api, versions } of handlers.values()) {
    for (let version = versions[0]; version <= versions[1]; version++) {
      test(`${api.name} v${version} answers an empty request with bytes of that version`, async () => {
        await using fixture = await opened()
        const request = emptyRequest(api.name)
        const answer = await fixture.client.send(api, version, request)
        assert.equal(typeof answer, 'object')
      })
    }
  }

  test('is the one in ApiVersions', async () => {
    await using fixture = await opened()
    const answer = await fixture.client.send(apiVersions, 4, {})
    assert.deepEqual(
      answer.apiKeys,
      fixture.broker.apiVersions().map(entry => ({ ...entry })),
    )
    assert.deepEqual(
      answer.finalizedFeatures.map(({ name, maxVersionLevel }) => [name, maxVersionLevel]),
      [
        ['streams.version', 1],
        ['transaction.version', 2],
      ],
    )
  })
})

/** What has no default and is asked for in every version. */
function emptyRequest(name: string): Record<string, unknown> {
  const byName: Record<string, Record<string, unknown>> = {
    Produce: { acks: -1, timeoutMs: 0, topicData: [] },
    Fetch: { maxWaitMs: 0, minBytes: 0, topics: [] },
    ListOffsets: { replicaId: -1, topics: [] },
    Metadata: { topics: [] },
    OffsetCommit: { groupId: 'g', memberId: '', topics: [] },
    DescribeGroups: { groups: ['g'] },
    CreateTopics: { topics: [] },
    DeleteTopics: { timeoutMs: 0 },
    DeleteRecords: { topics: [], timeoutMs: 0 },
    InitProducerId: { transactionalId: null, transactionTimeoutMs: 1 },
    OffsetForLeaderEpoch: { topics: [] },
    AddOffsetsToTxn: { transactionalId: 't', producerId: 1, producerEpoch: 0, groupId: 'g' },
    EndTxn: { transactionalId: 't', producerId: 1, producerEpoch: 0, committed: true },
    TxnOffsetCommit: { transactionalId: 't', groupId: 'g', producerId: 1, producerEpoch: 0, topics: [] },
    DescribeConfigs: { resources: [{ resourceType: 4, resourceName: '1', configurationKeys: null }] },
    CreatePartitions: { topics: [], timeoutMs: 0, validateOnly: false },
    DeleteGroups: { groupsNames: ['g'] },
    DescribeCluster: { includeClusterAuthorizedOperations: false },
    DescribeTopicPartitions: { topics: [] },
    StreamsGroupHeartbeat: { groupId: 'g', memberId: 'm', memberEpoch: 1, endpointInformationEpoch: 0 },
    StreamsGroupDescribe: { groupIds: ['g'], includeAuthorizedOperations: false },
  }
  return byName[name] ?? {}
}

describe('CreateTopics', () => {
  const cases: {
    it: string
    topic: { name: string; numPartitions?: number; replicationFactor?: number; configs?: [string, string][] }
    error: number
  }[] = [
    { it: 'takes a legal name', topic: { name: 'orders.v1_a-B' }, error: 0 },
    { it: 'refuses an empty name', topic: { name: '' }, error: errorCodes.INVALID_TOPIC_EXCEPTION },
    { it: 'refuses ".."', topic: { name: '..' }, error: errorCodes.INVALID_TOPIC_EXCEPTION },
    { it: 'refuses a path', topic: { name: 'a/b' }, error: errorCodes.INVALID_TOPIC_EXCEPTION },
    {
      it: 'refuses 250 characters',
      topic: { name: 'x'.repeat(250) },
      error: errorCodes.INVALID_TOPIC_EXCEPTION,
    },
    { it: 'takes 249 characters', topic: { name: 'x'.repeat(249) }, error: 0 },
    {
      it: 'refuses no partitions',
      topic: { name: 'a', numPartitions: 0 },
      error: errorCodes.INVALID_PARTITIONS,
    },
    {
      it: 'refuses two replicas',
      topic: { name: 'a', replicationFactor: 2 },
      error: errorCodes.INVALID_REPLICATION_FACTOR,
    },
    {
      it: 'refuses an unknown config',
      topic: { name: 'a', configs: [['retention.hours', '1']] },
      error: errorCodes.INVALID_CONFIG,
    },
    {
      it: 'refuses a wrong value',
      topic: { name: 'a', configs: [['retention.ms', 'soon']] },
      error: errorCodes.INVALID_CONFIG,
    },
    {
      it: 'refuses a value that would be ignored',
      topic: { name: 'a', configs: [['message.timestamp.type', 'LogAppendTime']] },
      error: errorCodes.INVALID_CONFIG,
    },
    {
      it: 'takes a weaker durability',
      topic: { name: 'a', configs: [['evert.durability', 'os']] },
      error: 0,
    },
    {
      it: 'refuses a durability that there is not',
      topic: { name: 'a', configs: [['evert.durability', 'none']] },
      error: errorCodes.INVALID_CONFIG,
    },
    {
      it: 'takes both cleanup policies',
      topic: { name: 'a', configs: [['cleanup.policy', 'compact,delete']] },
      error: 0,
    },
    {
      it: 'refuses a name that exists',
      topic: { name: 'taken.name' },
      error: errorCodes.TOPIC_ALREADY_EXISTS,
    },
    {
      it: 'refuses a name that collides with one that exists',
      topic: { name: 'taken_name' },
      error: errorCodes.INVALID_TOPIC_EXCEPTION,
    },
  ]
  for (const { it, topic, error } of cases) {
    test(it, async () => {
      await using fixture = await opened({ defaultPartitions: 3 })
      await fixture.client.createTopic('taken.name')
      const { name, numPartitions = -1, replicationFactor = -1, configs = [] } = topic
      const { topics } = await fixture.client.send(createTopics, 7, {
        topics: [
          {
            name,
            numPartitions,
            replicationFactor,
            assignments: [],
            configs: configs.map(([name, value]) => ({ name, value })),
          },
        ],
      })
      assert.equal(errorName(topics[0]?.errorCode ?? -1), errorName(error))
      const all = await fixture.client.send(metadata, 12, { topics: null })
      const created = all.topics.find(found => found.name === name && name !== 'taken.name')
      assert.equal(created?.partitions.length, error === 0 ? 3 : undefined)
    })
  }

  test('only says what it would do when asked to validate', async () => {
    await using fixture = await opened()
    const { topics } = await fixture.client.send(createTopics, 7, {
      topics: [{ name: 'a', numPartitions: 4, replicationFactor: 1, assignments: [], configs: [] }],
      validateOnly: true,
    })
    assert.equal(topics[0]?.errorCode, 0)
    assert.equal(topics[0]?.numPartitions, 4)
    assert.deepEqual((await fixture.client.send(metadata, 12, { topics: null })).topics, [])
  })
})

describe('Metadata', () => {
  test('makes a topic only if the broker and the request allow it', async () => {
    const outcomes = []
    for (const [autoCreateTopics, allowed] of [
      [false, true],
      [true, false],
      [true, true],
    ] as const) {
      await using fixture = await opened({ autoCreateTopics })
      const { topics } = await fixture.client.send(metadata, 12, {
        topics: [{ name: 'auto' }],
        allowAutoTopicCreation: allowed,
      })
      outcomes.push(topics[0]?.errorCode)
    }
    assert.deepEqual(outcomes, [
      errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
      errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
      0,
    ])
  })

  test('finds topics by id', async () => {
    await using fixture = await opened()
    const { topicId } = await fixture.client.createTopic('a')
    const unknown = 'AAAAAAAAAAAAAAAAAAAAAQ'
    const { topics } = await fixture.client.send(metadata, 12, {
      topics: [
        { topicId, name: null },
        { topicId: unknown, name: null },
      ],
    })
    assert.deepEqual(
      topics.map(topic => [topic.name, topic.errorCode]),
      [
        ['a', 0],
        [null, errorCodes.UNKNOWN_TOPIC_ID],
      ],
    )
  })
})

describe('Produce', () => {
  const good = recordBatch(['a'])
  const flipped = Buffer.from(good)
  flipped[flipped.length - 2] = (flipped[flipped.length - 2] as number) ^ 1
  const control = Buffer.from(good)
  control.writeInt16BE(0x20, 21)
  const cases: {
    it: string
    topic?: string
    index?: number
    acks?: number
    records: Buffer | null
    error: number
  }[] = [
    { it: 'appends one batch', records: good, error: 0 },
    {
      it: 'refuses an unknown topic',
      topic: 'b',
      records: good,
      error: errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
    },
    {
      it: 'refuses an unknown partition',
      index: 7,
      records: good,
      error: errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
    },
    { it: 'refuses a wrong checksum', records: flipped, error: errorCodes.CORRUPT_MESSAGE },
    {
      it: 'refuses a cut batch',
      records: good.subarray(0, good.length - 1),
      error: errorCodes.CORRUPT_MESSAGE,
    },
    { it: 'refuses no records', records: null, error: errorCodes.INVALID_RECORD },
    { it: 'refuses two batches', records: Buffer.concat([good, good]), error: errorCodes.INVALID_RECORD },
    { it: 'refuses a control batch', records: control, error: errorCodes.INVALID_RECORD },
    { it: 'refuses odd acks', acks: 2, records: good, error: errorCodes.INVALID_REQUIRED_ACKS },
  ]
  for (const { it, topic = 'a', index = 0, acks = 1, records, error } of cases) {
    test(it, async () => {
      await using fixture = await opened()
      await fixture.client.createTopic('a')
      const { responses } = await fixture.client.send(produce, 9, {
        acks,
        timeoutMs: 0,
        topicData: [{ name: topic, partitionData: [{ index, records }] }],
      })
      const answer = responses[0]?.partitionResponses[0]
      assert.equal(errorName(answer?.errorCode ?? -1), errorName(error))
      assert.equal(answer?.baseOffset, error === 0 ? 0 : -1)
    })
  }

  test('names topics by id in v13', async () => {
    await using fixture = await opened()
    const { topicId } = await fixture.client.createTopic('a')
    const { responses } = await fixture.client.send(produce, 13, {
      acks: -1,
      timeoutMs: 0,
      topicData: [
        { topicId, partitionData: [{ index: 0, records: recordBatch(['x']) }] },
        { topicId: ZERO_UUID, partitionData: [{ index: 0, records: recordBatch(['x']) }] },
      ],
    })
    assert.deepEqual(
      responses.map(topic => topic.partitionResponses[0]?.errorCode),
      [0, errorCodes.UNKNOWN_TOPIC_ID],
    )
    assert.deepEqual(await fixture.client.committedValues('a'), ['x'])
  })
})

describe('Fetch', () => {
  const limits: { it: string; partitionMaxBytes: number; maxBytes: number; counts: number[] }[] = [
    {
      it: 'gives the first batch even beyond every limit',
      partitionMaxBytes: 10,
      maxBytes: 10,
      counts: [1, 0],
    },
    {
      it: 'gives no batch of another partition that is beyond the limit of the answer',
      partitionMaxBytes: 10,
      maxBytes: 1600,
      counts: [1, 0],
    },
    { it: 'gives each partition its first batch', partitionMaxBytes: 10, maxBytes: 9000, counts: [1, 1] },
    { it: 'keeps within the limit of a partition', partitionMaxBytes: 2500, maxBytes: 9000, counts: [2, 2] },
    { it: 'keeps within the limit of the answer', partitionMaxBytes: 9000, maxBytes: 4500, counts: [3, 1] },
    { it: 'gives all within the limits', partitionMaxBytes: 9000, maxBytes: 9000, counts: [3, 3] },
  ]
  for (const { it, partitionMaxBytes, maxBytes, counts } of limits) {
    test(it, async () => {
      await using fixture = await opened()
      await fixture.client.createTopic('a', 2)
      for (const partition of [0, 1]) {
        for (let n = 0; n < 3; n++) await fixture.client.produce('a', ['x'.repeat(1000)], { partition })
      }
      const { responses } = await fixture.client.send(fetch, 12, {
        maxWaitMs: 0,
        minBytes: 1,
        maxBytes,
        topics: [
          {
            topic: 'a',
            partitions: [0, 1].map(partition => ({ partition, fetchOffset: 0, partitionMaxBytes })),
          },
        ],
      })
      const got = responses[0]?.partitions.map(({ records }) => [...batchesIn(records as Buffer)].length)
      assert.deepEqual(got, counts)
    })
  }

  test('refuses offsets outside of the log at once', async () => {
    await using fixture = await opened()
    await fixture.client.createTopic('a')
    await fixture.client.produce('a', ['x'])
    const beyond = await fixture.client.fetchPartition('a', { offset: 2, maxWaitMs: 60_000 })
    const before = await fixture.client.fetchPartition('a', { offset: -1, maxWaitMs: 60_000 })
    assert.equal(beyond.errorCode, errorCodes.OFFSET_OUT_OF_RANGE)
    assert.equal(before.errorCode, errorCodes.OFFSET_OUT_OF_RANGE)
  })

  test('waits until records come', async () => {
    await using fixture = await opened()
    await fixture.client.createTopic('a')
    const waiting = fixture.client.fetchPartition('a', { maxWaitMs: 60_000 })
    await fixture.client.produce('a', ['late'])
    const answer = await waiting
    assert.equal([...batchesIn(answer.records as Buffer)].length, 1)
  })

  test('waits no longer than asked', async () => {
    await using fixture = await opened()
    await fixture.client.createTopic('a')
    const waiting = fixture.client.fetchPartition('a', { maxWaitMs: 500 })
    await new Promise(resolve => setImmediate(resolve))
    fixture.clock.advance(500)
    const answer = await waiting
    assert.equal(answer.errorCode, 0)
    assert.equal(answer.records?.length, 0)
  })

  test('stops waiting when its client goes, and when the broker closes', async () => {
    await using fixture = await opened()
    await fixture.client.createTopic('a')
    const gone = fixture.client.fetchPartition('a', { maxWaitMs: 60_000 })
    fixture.client.gone.abort()
    assert.equal((await gone).records?.length, 0)
    const other = new TestClient(fixture.broker).fetchPartition('a', { maxWaitMs: 60_000 })
    await fixture.broker.close()
    assert.equal((await other).records?.length, 0)
  })

  test('knows no sessions', async () => {
    await using fixture = await opened()
    const { errorCode, sessionId } = await fixture.client.send(fetch, 12, {
      maxWaitMs: 0,
      minBytes: 0,
      sessionId: 5,
      sessionEpoch: 1,
      topics: [],
    })
    assert.deepEqual([errorCode, sessionId], [errorCodes.FETCH_SESSION_ID_NOT_FOUND, 0])
  })
})

describe('ListOffsets', () => {
  const cases: { it: string; timestamp: number; offset: number; isolationLevel?: number }[] = [
    { it: 'gives the end', timestamp: -1, offset: 4 },
    {
      it: 'gives the last stable offset to readers of committed records',
      timestamp: -1,
      offset: 3,
      isolationLevel: 1,
    },
    { it: 'gives the start', timestamp: -2, offset: 1 },
    { it: 'finds a time', timestamp: 1_600_000_000_000, offset: 1 },
    { it: 'finds nothing after the last record', timestamp: 1_900_000_000_000, offset: -1 },
    { it: 'has no tiers', timestamp: -5, offset: -1 },
  ]
  for (const { it, timestamp, offset, isolationLevel = 0 } of cases) {
    test(it, async () => {
      await using fixture = await opened()
      const { client } = fixture
      await client.createTopic('a')
      for (const value of ['0', '1', '2']) await client.produce('a', [value])
      const producer = await client.initProducer('t')
      await client.produce('a', ['open'], { ...producer, transactionalId: 't' })
      await client.send(deleteRecords, 2, {
        topics: [{ name: 'a', partitions: [{ partitionIndex: 0, offset: 1 }] }],
        timeoutMs: 0,
      })
      const { topics } = await client.send(listOffsets, 9, {
        replicaId: -1,
        isolationLevel,
        topics: [{ name: 'a', partitions: [{ partitionIndex: 0, timestamp }] }],
      })
      assert.equal(topics[0]?.partitions[0]?.errorCode, 0)
      assert.equal(topics[0]?.partitions[0]?.offset, offset)
    })
  }
})

describe('topics', () => {
  test('are deleted with their committed offsets, and begin afresh under a new id', async () => {
    await using fixture = await opened()
    const { client } = fixture
    const { topicId } = await client.createTopic('a')
    await client.send(offsetCommit, 9, {
      groupId: 'g',
      memberId: '',
      topics: [
        { name: 'a', partitions: [{ partitionIndex: 0, committedOffset: 7, committedMetadata: 'here' }] },
      ],
    })
    const { responses } = await client.send(deleteTopics, 6, {
      topics: [{ topicId, name: null }],
      timeoutMs: 0,
    })
    assert.deepEqual([responses[0]?.name, responses[0]?.errorCode], ['a', 0])
    const again = await client.createTopic('a')
    assert.notEqual(again.topicId, topicId)
    const { groups } = await client.send(offsetFetch, 9, {
      groups: [{ groupId: 'g', topics: [{ name: 'a', partitionIndexes: [0] }] }],
    })
    assert.equal(groups[0]?.topics[0]?.partitions[0]?.committedOffset, -1)
  })

  test('get more partitions, never fewer', async () => {
    await using fixture = await opened()
    await fixture.client.createTopic('a', 2)
    const grow = async (count: number) => {
      const { results } = await fixture.client.send(createPartitions, 3, {
        topics: [{ name: 'a', count, assignments: null }],
        timeoutMs: 0,
        validateOnly: false,
      })
      return results[0]?.errorCode
    }
    assert.equal(await grow(2), errorCodes.INVALID_PARTITIONS)
    assert.equal(await grow(5), 0)
    assert.equal((await fixture.client.produce('a', ['x'], { partition: 4 })).errorCode, 0)
  })

  test('are described page by page', async () => {
    await using fixture = await opened()
    await fixture.client.createTopic('a', 3)
    await fixture.client.createTopic('b', 2)
    const pages = []
    for (let cursor = null; ; ) {
      const page = await fixture.client.send(describeTopicPartitions, 0, {
        topics: [],
        responsePartitionLimit: 2,
        cursor,
      })
      pages.push(page.topics.map(({ name, partitions }) => [name, ...partitions.map(p => p.partitionIndex)]))
      if (page.nextCursor === null) break
      cursor = page.nextCursor as never
    }
    assert.deepEqual(pages, [
      [['a', 0, 1]],
      [
        ['a', 2],
        ['b', 0],
      ],
      [['b', 1]],
    ])
  })

  test('have configs, their own and defaults', async () => {
    await using fixture = await opened()
    await fixture.client.createTopic('a', 1, [{ name: 'retention.ms', value: '5000' }])
    const { results } = await fixture.client.send(describeConfigs, 4, {
      resources: [
        { resourceType: 2, resourceName: 'a', configurationKeys: ['retention.ms', 'cleanup.policy'] },
      ],
    })
    const found = results[0]?.configs.map(({ name, value, configSource }) => [name, value, configSource])
    assert.deepEqual(found?.toSorted(), [
      ['cleanup.policy', 'delete', 5],
      ['retention.ms', '5000', 1],
    ])
  })

  test('say of what they leave open what the log does, not what Kafka would do', async () => {
    await using fixture = await opened()
    await fixture.client.createTopic('a', 1, [{ name: 'evert.durability', value: 'os' }])
    const { results } = await fixture.client.send(describeConfigs, 4, {
      resources: [{ resourceType: 2, resourceName: 'a', configurationKeys: null }],
      includeDocumentation: true,
    })
    const found = new Map(results[0]?.configs.map(config => [config.name, config]))
    // Nothing is deleted by age or size; a segment ends at 64 MiB and never by age; an entry of its index every 16 KiB.
    const expected = {
      'retention.ms': '-1',
      'retention.bytes': '-1',
      'segment.bytes': '67108864',
      'segment.ms': '9223372036854775807',
      'index.interval.bytes': '16384',
      'evert.durability': 'os',
    }
    assert.deepEqual(
      Object.fromEntries(Object.keys(expected).map(name => [name, found.get(name)?.value])),
      expected,
    )
    assert.equal(found.get('evert.durability')?.configSource, 1)
    assert.match(found.get('evert.durability')?.documentation ?? '', /fdatasync/)
  })
})

describe('FindCoordinator', () => {
  test('names the only node for groups and transactions, and refuses other keys', async () => {
    await using fixture = await opened()
    const codes = []
    for (const keyType of [0, 1, 2]) {
      const { coordinators } = await fixture.client.send(findCoordinator, 6, {
        keyType,
        coordinatorKeys: ['x'],
      })
      codes.push([coordinators[0]?.errorCode, coordinators[0]?.nodeId])
    }
    assert.deepEqual(codes, [
      [0, 1],
      [0, 1],
      [errorCodes.INVALID_REQUEST, -1],
    ])
  })
})
