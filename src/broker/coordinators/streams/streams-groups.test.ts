import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ManualClock } from '../../../internal/clock.ts'
import { errorName } from '../../../wire/error-codes.ts'
import { createPartitions } from '../../../wire/messages/create-partitions.ts'
import { deleteGroups } from '../../../wire/messages/delete-groups.ts'
import { describeConfigs } from '../../../wire/messages/describe-configs.ts'
import { incrementalAlterConfigs } from '../../../wire/messages/incremental-alter-configs.ts'
import { listGroups } from '../../../wire/messages/list-groups.ts'
import { metadata } from '../../../wire/messages/metadata.ts'
import { offsetCommit } from '../../../wire/messages/offset-commit.ts'
import { streamsGroupDescribe } from '../../../wire/messages/streams-group-describe.ts'
import { streamsGroupHeartbeat } from '../../../wire/messages/streams-group-heartbeat.ts'
import { txnOffsetCommit } from '../../../wire/messages/txn-offset-commit.ts'
import { type BrokerOptions, openBroker } from '../../broker.ts'
import type { LogStorage } from '../../storage/log-storage.ts'
import { openMemoryStorage } from '../../storage/storage.ts'
import { TestClient } from '../../test-client.ts'
import type { TaskIds } from './task.ts'
import type { Subtopology, Topology } from './topology.ts'

const REBALANCE_TIMEOUT_MS = 20_000

function subtopology(id: string, given: Partial<Subtopology>): Subtopology {
  return {
    subtopologyId: id,
    sourceTopics: [],
    sourceTopicRegex: [],
    stateChangelogTopics: [],
    repartitionSinkTopics: [],
    repartitionSourceTopics: [],
    copartitionGroups: [],
    ...given,
  }
}

const simple: Topology = { epoch: 0, subtopologies: [subtopology('0', { sourceTopics: ['in'] })] }

async function opened(options: Partial<BrokerOptions> = {}) {
  const clock = new ManualClock(1_700_000_000_000)
  const broker = await openBroker({ storage: await openMemoryStorage({ clock }), clock, ...options })
  const client = new TestClient(broker)
  return {
    broker,
    clock,
    client,
    member: (name: string, given: Partial<Given> = {}) => new TestMember(client, name, given),
    [Symbol.asyncDispose]: () => broker.close(),
  }
}

interface Given {
  readonly topology: Topology
  readonly processId: string
  readonly endpoint: { host: string; port: number }
}

/** A member as the protocol sees it: it runs what it was told, and says what it runs. */
class TestMember {
  readonly #client: TestClient
  readonly name: string
  readonly given: Partial<Given>
  epoch = 0
  endpointEpoch = -1
  active: TaskIds[] = []
  standby: TaskIds[] = []
  status: number[] = []
  endpoints: Record<string, unknown> | undefined

  constructor(client: TestClient, name: string, given: Partial<Given>) {
    this.#client = client
    this.name = name
    this.given = given
  }

  /** One heartbeat; takes over its answer, and gives the name of its error. */
  async beat(extra: Record<string, unknown> = {}): Promise<string> {
    const isJoin = this.epoch === 0
    const { topology = simple, processId = this.name, endpoint = null } = this.given
    const joining = {
      rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
      topology,
      processId,
      userEndpoint: endpoint,
      activeTasks: [],
      standbyTasks: [],
      warmupTasks: [],
    }
    const answer = await this.#client.send(streamsGroupHeartbeat, 0, {
      groupId: 'g',
      memberId: this.name,
      memberEpoch: this.epoch,
      endpointInformationEpoch: this.endpointEpoch,
      ...(isJoin ? joining : { activeTasks: this.active, standbyTasks: this.standby, warmupTasks: [] }),
      ...extra,
    })
    if (answer.errorCode !== 0) return errorName(answer.errorCode)
    this.epoch = answer.memberEpoch
    this.active = answer.activeTasks ?? this.active
    this.standby = answer.standbyTasks ?? this.standby
    this.endpointEpoch = answer.endpointInformationEpoch
    this.status = (answer.status ?? []).map(({ statusCode }) => statusCode)
    if (answer.partitionsByUserEndpoint !== null) {
      this.endpoints = Object.fromEntries(
        answer.partitionsByUserEndpoint.map(({ userEndpoint, activePartitions }) => [
          `${userEndpoint.host}:${userEndpoint.port}`,
          activePartitions,
        ]),
      )
    }
    return 'NONE'
  }

  /** `0_1 0_3`: the active tasks. */
  get tasks(): string {
    return named(this.active)
  }

  get standbys(): string {
    return named(this.standby)
  }
}

function named(tasks: readonly TaskIds[]): string {
  return tasks
    .flatMap(({ subtopologyId, partitions }) => partitions.map(index => `${subtopologyId}_${index}`))
    .toSorted()
    .join(' ')
}

async function settle(...members: TestMember[]): Promise<void> {
  for (let round = 0; round < 6; round++) for (const member of members) await member.beat()
}

async function partitionsOf(client: TestClient): Promise<Record<string, number>> {
  const { topics } = await client.send(metadata, 12, { topics: null })
  return Object.fromEntries(topics.map(({ name, partitions }) => [name, partitions.length]))
}

describe('a streams group', () => {
  test('gives its first member all tasks at once', async () => {
    await using fixture = await opened()
    await fixture.client.createTopic('in', 4)
    const a = fixture.member('a')
    assert.equal(await a.beat(), 'NONE')
    assert.equal(a.tasks, '0_0 0_1 0_2 0_3')
    assert.deepEqual(a.status, [])
  })

  test('hands a task over only after its owner has said that it gave it back', async () => {
    await using fixture = await opened()
    await fixture.client.createTopic('in', 4)
    const a = fixture.member('a')
    await a.beat()
    const firstEpoch = a.epoch
    const b = fixture.member('b')
    await b.beat()
    assert.equal(b.tasks, '', 'a runs all tasks still')
    const owned = a.active
    await a.beat()
    assert.equal(a.tasks, '0_0 0_1', 'a is told to give two back')
    assert.equal(a.epoch, firstEpoch, 'and keeps its epoch until it has')
    await a.beat({ activeTasks: owned })
    await b.beat()
    assert.equal(b.tasks, '', 'a says that it runs them still')
    await a.beat({ activeTasks: null })
    await b.beat()
    assert.equal(b.tasks, '', 'a has not said what it runs')
    await a.beat()
    assert.equal(a.epoch, b.epoch, 'a has the epoch of the group now')
    await b.beat()
    assert.equal(b.tasks, '0_2 0_3')
    assert.equal(a.tasks, '0_0 0_1')
  })

  test('spreads tasks evenly and moves no more than it must', async () => {
    await using fixture = await opened()
    await fixture.client.createTopic('in', 6)
    const [a, b, c] = ['a', 'b', 'c'].map(name => fixture.member(name)) as [
      TestMember,
      TestMember,
      TestMember,
    ]
    await settle(a)
    await settle(a, b)
    assert.deepEqual([a.tasks, b.tasks], ['0_0 0_1 0_2', '0_3 0_4 0_5'])
    await settle(a, b, c)
    assert.deepEqual([a.tasks, b.tasks, c.tasks], ['0_0 0_1', '0_3 0_4', '0_2 0_5'])
    await c.beat({ memberEpoch: -1 })
    await settle(a, b)
    assert.deepEqual([a.tasks, b.tasks], ['0_0 0_1 0_2', '0_3 0_4 0_5'])
  })

  test('gives the tasks of a silent member to the others after its session', async () => {
    await using fixture = await opened({ sessionTimeoutMs: 10_000 })
    await fixture.client.createTopic('in', 2)
    const [a, b] = [fixture.member('a'), fixture.member('b')]
    await settle(a, b)
    assert.deepEqual([a.tasks, b.tasks], ['0_0', '0_1'])
    fixture.clock.advance(9_999)
    await a.beat()
    assert.equal(a.tasks, '0_0')
    fixture.clock.advance(1)
    await a.beat()
    assert.equal(a.tasks, '0_0 0_1')
    assert.equal(await b.beat(), 'UNKNOWN_MEMBER_ID')
  })

  test('puts out a member that does not give its tasks back in time', async () => {
    await using fixture = await opened({ sessionTimeoutMs: 15_000 })
    await fixture.client.createTopic('in', 2)
    const [a, b] = [fixture.member('a'), fixture.member('b')]
    await a.beat()
    const owned = a.active
    await b.beat()
    await a.beat()
    for (let waited = 0; waited < REBALANCE_TIMEOUT_MS; waited += 5000) {
      assert.equal(await a.beat({ activeTasks: owned }), 'NONE')
      await b.beat()
      assert.equal(b.tasks, '')
      fixture.clock.advance(5000)
    }
    assert.equal(await a.beat({ activeTasks: owned }), 'UNKNOWN_MEMBER_ID')
    await b.beat()
    assert.equal(b.tasks, '0_0 0_1')
  })

  test('fences an epoch that is not the member’s', async () => {
    await using fixture = await opened()
    await fixture.client.createTopic('in', 2)
    const a = fixture.member('a')
    await a.beat()
    assert.equal(await a.beat({ memberEpoch: a.epoch + 1 }), 'FENCED_MEMBER_EPOCH')
    assert.equal(await fixture.member('x').beat({ memberEpoch: 3 }), 'UNKNOWN_MEMBER_ID')
    assert.equal(await fixture.member('x').beat({ groupId: 'other', memberEpoch: 3 }), 'GROUP_ID_NOT_FOUND')
  })

  test('accepts the epoch before when an answer was lost, and says everything again', async () => {
    await using fixture = await opened()
    await fixture.client.createTopic('in', 2)
    const [a, b] = [fixture.member('a'), fixture.member('b')]
    await settle(a, b)
    const before = { epoch: a.epoch, active: a.active }
    await b.beat({ memberEpoch: -1 })
    await a.beat()
    assert.equal(a.tasks, '0_0 0_1')
    Object.assign(a, before)
    assert.equal(await a.beat(), 'NONE')
    assert.equal(a.tasks, '0_0 0_1')
    assert.ok(a.epoch > before.epoch)
    const foreign = [{ subtopologyId: '0', partitions: [0, 1, 7] }]
    assert.equal(await a.beat({ memberEpoch: before.epoch, activeTasks: foreign }), 'FENCED_MEMBER_EPOCH')
  })

  test('rebalances when a source topic gets more partitions', async () => {
    await using fixture = await opened()
    await fixture.client.createTopic('in', 1)
    const a = fixture.member('a')
    await a.beat()
    await fixture.client.send(createPartitions, 3, {
      topics: [{ name: 'in', count: 3, assignments: null }],
      timeoutMs: 0,
      validateOnly: false,
    })
    await a.beat()
    assert.equal(a.tasks, '0_0 0_1 0_2')
  })

  test('keeps standby tasks in other processes', async () => {
    await using fixture = await opened({ standbyReplicas: 1 })
    await fixture.client.createTopic('in', 2)
    const changelog = { name: 'g-store-changelog', partitions: 0, replicationFactor: 1, topicConfigs: [] }
    const topology: Topology = {
      epoch: 0,
      subtopologies: [subtopology('0', { sourceTopics: ['in'], stateChangelogTopics: [changelog] })],
    }
    const [a, b, c] = [
      fixture.member('a', { topology, processId: 'p' }),
      fixture.member('b', { topology, processId: 'p' }),
      fixture.member('c', { topology, processId: 'q' }),
    ] as const
    await settle(a, b)
    assert.deepEqual([a.standbys, b.standbys], ['', ''], 'one process has no other')
    await settle(a, b, c)
    const active = [a, b, c].map(member => member.tasks).filter(tasks => tasks !== '')
    assert.deepEqual(active.toSorted(), ['0_0', '0_1'])
    const outside = c.tasks === '' ? '0_0 0_1' : c.standbys
    assert.equal(c.standbys, outside)
    const standbys = [a, b, c].flatMap(member => member.standbys.split(' ')).filter(task => task !== '')
    assert.deepEqual(standbys.toSorted(), ['0_0', '0_1'])
  })

  test('assigns anew when the group gets other configs', async () => {
    await using fixture = await opened()
    const { client, member } = fixture
    await client.createTopic('in', 2)
    const topology: Topology = {
      epoch: 0,
      subtopologies: [
        subtopology('0', {
          sourceTopics: ['in'],
          stateChangelogTopics: [{ name: 'log', partitions: 0, replicationFactor: -1, topicConfigs: [] }],
        }),
      ],
    }
    const [a, b] = [member('a', { topology }), member('b', { topology })]
    await settle(a, b)
    assert.equal(a.standbys + b.standbys, '')
    const configs = [
      { name: 'streams.num.standby.replicas', configOperation: 0, value: '1' },
      { name: 'streams.heartbeat.interval.ms', configOperation: 0, value: '77' },
    ]
    await client.send(incrementalAlterConfigs, 1, {
      resources: [{ resourceType: 32, resourceName: 'g', configs }],
      validateOnly: false,
    })
    await settle(a, b)
    assert.deepEqual([a.standbys, b.standbys], [b.tasks, a.tasks])
    const answer = await client.send(streamsGroupHeartbeat, 0, {
      groupId: 'g',
      memberId: 'a',
      memberEpoch: a.epoch,
      endpointInformationEpoch: -1,
    })
    assert.equal(answer.heartbeatIntervalMs, 77)
  })

  test('tells every member where the others serve which partitions', async () => {
    await using fixture = await opened()
    await fixture.client.createTopic('in', 2)
    const a = fixture.member('a', { endpoint: { host: 'ha', port: 1 } })
    const b = fixture.member('b', { endpoint: { host: 'hb', port: 2 } })
    await settle(a, b)
    const expected = {
      'ha:1': [{ topic: 'in', partitions: [0] }],
      'hb:2': [{ topic: 'in', partitions: [1] }],
    }
    assert.deepEqual(a.endpoints, expected)
    assert.deepEqual(b.endpoints, expected)
    a.endpoints = undefined
    await a.beat()
    assert.equal(a.endpoints, undefined, 'nothing new is not said again')
  })

  test('passes a wish to shut down on to every member', async () => {
    await using fixture = await opened()
    await fixture.client.createTopic('in', 2)
    const [a, b] = [fixture.member('a'), fixture.member('b')]
    await settle(a, b)
    await a.beat({ shutdownApplication: true })
    await b.beat()
    assert.deepEqual(b.status, [4])
  })

  test('is listed, described, and deleted once it is empty', async () => {
    await using fixture = await opened()
    await fixture.client.createTopic('in', 2)
    const a = fixture.member('a')
    await a.beat()
    const { groups: listed } = await fixture.client.send(listGroups, 5, { typesFilter: ['streams'] })
    assert.deepEqual(listed, [
      { groupId: 'g', protocolType: 'streams', groupState: 'Stable', groupType: 'Streams' },
    ])
    const { groups } = await fixture.client.send(streamsGroupDescribe, 0, {
      groupIds: ['g'],
      includeAuthorizedOperations: false,
    })
    const member = groups[0]?.members[0]
    assert.deepEqual(
      [groups[0]?.groupState, member?.memberId, named(member?.assignment.activeTasks ?? [])],
      ['Stable', 'a', '0_0 0_1'],
    )
    const remove = async () => {
      const { results } = await fixture.client.send(deleteGroups, 2, { groupsNames: ['g'] })
      return errorName(results[0]?.errorCode ?? -1)
    }
    assert.equal(await remove(), 'NON_EMPTY_GROUP')
    await a.beat({ memberEpoch: -1 })
    assert.equal(await remove(), 'NONE')
    assert.equal(await remove(), 'GROUP_ID_NOT_FOUND')
  })

  const invalid: { it: string; extra: Record<string, unknown>; error: string }[] = [
    { it: 'without a group id', extra: { groupId: '' }, error: 'INVALID_REQUEST' },
    { it: 'without a member id', extra: { memberId: '' }, error: 'INVALID_REQUEST' },
    { it: 'without a topology', extra: { topology: null }, error: 'INVALID_REQUEST' },
    { it: 'without a process id', extra: { processId: '' }, error: 'INVALID_REQUEST' },
    { it: 'without a rebalance timeout', extra: { rebalanceTimeoutMs: -1 }, error: 'INVALID_REQUEST' },
    {
      it: 'that brings tasks',
      extra: { activeTasks: [{ subtopologyId: '0', partitions: [0] }] },
      error: 'INVALID_REQUEST',
    },
    { it: 'that is static', extra: { instanceId: 'i' }, error: 'INVALID_REQUEST' },
    {
      it: 'with patterns of topics',
      extra: { topology: { epoch: 0, subtopologies: [subtopology('0', { sourceTopicRegex: ['in.*'] })] } },
      error: 'STREAMS_INVALID_TOPOLOGY',
    },
  ]
  for (const { it, extra, error } of invalid) {
    test(`refuses a joining member ${it}`, async () => {
      await using fixture = await opened()
      await fixture.client.createTopic('in', 1)
      assert.equal(await fixture.member('a').beat(extra), error)
    })
  }
})

describe('the topics of a streams group', () => {
  const config = [{ key: 'cleanup.policy', value: 'compact' }]
  const internal = (name: string, partitions = 0) => ({
    name,
    partitions,
    replicationFactor: 1,
    topicConfigs: config,
  })

  test('are made by the broker: repartition topics as wide as what flows in, changelogs as tasks', async () => {
    await using fixture = await opened()
    await fixture.client.createTopic('narrow', 2)
    await fixture.client.createTopic('wide', 5)
    const topology: Topology = {
      epoch: 0,
      subtopologies: [
        subtopology('0', { sourceTopics: ['narrow', 'wide'], repartitionSinkTopics: ['g-one'] }),
        subtopology('1', {
          repartitionSourceTopics: [internal('g-one')],
          stateChangelogTopics: [internal('g-count-changelog')],
          repartitionSinkTopics: ['g-two'],
        }),
        subtopology('2', { repartitionSourceTopics: [internal('g-two', 3)] }),
      ],
    }
    const a = fixture.member('a', { topology })
    await a.beat()
    assert.deepEqual(a.status, [])
    assert.deepEqual(await partitionsOf(fixture.client), {
      narrow: 2,
      wide: 5,
      'g-one': 5,
      'g-count-changelog': 5,
      'g-two': 3,
    })
    assert.equal(a.tasks, '0_0 0_1 0_2 0_3 0_4 1_0 1_1 1_2 1_3 1_4 2_0 2_1 2_2')
    const { results } = await fixture.client.send(describeConfigs, 4, {
      resources: [
        { resourceType: 2, resourceName: 'g-count-changelog', configurationKeys: ['cleanup.policy'] },
      ],
    })
    assert.equal(results[0]?.configs[0]?.value, 'compact')
  })

  test('are made as wide as those they are joined with, and what follows from them too', async () => {
    await using fixture = await opened()
    await fixture.client.createTopic('left', 2)
    await fixture.client.createTopic('right', 6)
    const topology: Topology = {
      epoch: 0,
      subtopologies: [
        subtopology('0', { sourceTopics: ['left'], repartitionSinkTopics: ['g-left'] }),
        subtopology('1', {
          sourceTopics: ['right'],
          repartitionSourceTopics: [internal('g-left')],
          copartitionGroups: [{ sourceTopics: [0], sourceTopicRegex: [], repartitionSourceTopics: [0] }],
        }),
      ],
    }
    const a = fixture.member('a', { topology })
    await a.beat()
    assert.deepEqual(await partitionsOf(fixture.client), { left: 2, right: 6, 'g-left': 6 })
  })

  const faults: {
    it: string
    topics: Record<string, number>
    subtopologies: Subtopology[]
    status: number
  }[] = [
    {
      it: 'that are missing',
      topics: {},
      subtopologies: [subtopology('0', { sourceTopics: ['in'] })],
      status: 1,
    },
    {
      it: 'that are joined and differ in width',
      topics: { left: 2, right: 3 },
      subtopologies: [
        subtopology('0', {
          sourceTopics: ['left', 'right'],
          copartitionGroups: [{ sourceTopics: [0, 1], sourceTopicRegex: [], repartitionSourceTopics: [] }],
        }),
      ],
      status: 2,
    },
    {
      it: 'whose width follows from nothing',
      topics: {},
      subtopologies: [subtopology('0', { repartitionSourceTopics: [internal('g-loose')] })],
      status: 2,
    },
    {
      it: 'that are there with another width',
      topics: { in: 2, 'g-changelog': 3 },
      subtopologies: [
        subtopology('0', { sourceTopics: ['in'], stateChangelogTopics: [internal('g-changelog')] }),
      ],
      status: 2,
    },
    {
      it: 'that cannot be made',
      topics: { in: 2 },
      subtopologies: [
        subtopology('0', { sourceTopics: ['in'], stateChangelogTopics: [internal('not/a/name')] }),
      ],
      status: 3,
    },
  ]
  for (const { it, topics, subtopologies, status } of faults) {
    test(`give status ${status} and no tasks for topics ${it}`, async () => {
      await using fixture = await opened()
      for (const [name, width] of Object.entries(topics)) await fixture.client.createTopic(name, width)
      const a = fixture.member('a', { topology: { epoch: 0, subtopologies } })
      assert.equal(await a.beat(), 'NONE')
      assert.deepEqual([a.status, a.tasks], [[status], ''])
    })
  }

  test('may come later', async () => {
    await using fixture = await opened()
    const a = fixture.member('a')
    await a.beat()
    assert.deepEqual(a.status, [1])
    await fixture.client.createTopic('in', 1)
    await a.beat()
    assert.deepEqual([a.status, a.tasks], [[], '0_0'])
  })
})

describe('a new topology', () => {
  const wider: Topology = { epoch: 0, subtopologies: [subtopology('0', { sourceTopics: ['in', 'more'] })] }

  test('replaces the old one when nobody runs that', async () => {
    await using fixture = await opened()
    await fixture.client.createTopic('in', 1)
    await fixture.client.createTopic('more', 2)
    const a = fixture.member('a')
    await a.beat()
    await a.beat({ memberEpoch: -1 })
    const b = fixture.member('b', { topology: wider })
    await b.beat()
    assert.equal(b.tasks, '0_0 0_1')
  })

  test('of the same epoch is refused while others run the old one', async () => {
    await using fixture = await opened()
    await fixture.client.createTopic('in', 1)
    await fixture.client.createTopic('more', 2)
    await fixture.member('a').beat()
    assert.equal(await fixture.member('b', { topology: wider }).beat(), 'INVALID_REQUEST')
  })

  test('of a higher epoch takes the tasks, and the members of the old one hear that they are stale', async () => {
    await using fixture = await opened()
    await fixture.client.createTopic('in', 1)
    await fixture.client.createTopic('more', 2)
    const a = fixture.member('a')
    await a.beat()
    const b = fixture.member('b', { topology: { ...wider, epoch: 1 } })
    await settle(a, b)
    assert.deepEqual([a.tasks, a.status], ['', [0]])
    assert.deepEqual([b.tasks, b.status], ['0_0 0_1', []])
    const c = fixture.member('c')
    await c.beat()
    assert.deepEqual([c.tasks, c.status], ['', [0]])
  })
})

describe('offsets of a streams group', () => {
  async function commit(client: TestClient, memberId: string, epoch: number, partition = 0) {
    const topics = [
      {
        name: 'in',
        partitions: [{ partitionIndex: partition, committedOffset: 5, committedMetadata: '' }],
      },
    ]
    const plain = await client.send(offsetCommit, 9, {
      groupId: 'g',
      memberId,
      generationIdOrMemberEpoch: epoch,
      topics,
    })
    const producer = await client.initProducer('t')
    const staged = await client.send(txnOffsetCommit, 5, {
      transactionalId: 't',
      groupId: 'g',
      producerId: producer.producerId,
      producerEpoch: producer.producerEpoch,
      generationId: epoch,
      memberId,
      topics,
    })
    return [plain, staged].map(answer => errorName(answer.topics[0]?.partitions[0]?.errorCode ?? -1))
  }

  test('are committed by their owner only, with an epoch since which it has the task', async () => {
    await using fixture = await opened()
    const { client } = fixture
    await client.createTopic('in', 2)
    const [a, b] = [fixture.member('a'), fixture.member('b')]
    await a.beat()
    const epochBefore = a.epoch
    assert.deepEqual(await commit(client, 'a', a.epoch), ['NONE', 'NONE'])
    await settle(b, a)
    assert.deepEqual([a.tasks, b.tasks], ['0_0', '0_1'])
    assert.ok(a.epoch > epochBefore)
    assert.deepEqual(await commit(client, 'a', a.epoch, 0), ['NONE', 'NONE'])
    assert.deepEqual(await commit(client, 'a', epochBefore, 0), ['NONE', 'NONE'], 'kept all the time')
    assert.deepEqual(
      await commit(client, 'a', epochBefore, 1),
      ['STALE_MEMBER_EPOCH', 'ILLEGAL_GENERATION'],
      'handed over since',
    )
    assert.deepEqual(await commit(client, 'a', a.epoch + 1), ['STALE_MEMBER_EPOCH', 'ILLEGAL_GENERATION'])
    assert.deepEqual(await commit(client, 'x', a.epoch), ['UNKNOWN_MEMBER_ID', 'UNKNOWN_MEMBER_ID'])
    await a.beat({ memberEpoch: -1 })
    assert.deepEqual(await commit(client, 'a', a.epoch), ['UNKNOWN_MEMBER_ID', 'UNKNOWN_MEMBER_ID'])
  })
})

describe('after a restart of the broker', () => {
  test('members of its own process are gone, epochs go on, and tasks return to the process that had them', async () => {
    const clock = new ManualClock(1_700_000_000_000)
    const storage = await openMemoryStorage({ clock })
    const kept = keptOpen(storage)
    const first = await openBroker({ storage: kept, clock })
    const client = new TestClient(first)
    await client.createTopic('in', 4)
    const [a, b] = [
      new TestMember(client, 'a', { processId: 'p' }),
      new TestMember(client, 'b', { processId: 'q' }),
    ]
    await settle(a, b)
    assert.deepEqual([a.tasks, b.tasks], ['0_0 0_1', '0_2 0_3'])
    await first.close()

    const second = await openBroker({ storage: kept, clock })
    const again = new TestClient(second)
    const old = new TestMember(again, 'a', { processId: 'p' })
    old.epoch = a.epoch
    assert.equal(await old.beat(), 'UNKNOWN_MEMBER_ID')
    // Names sort the other way round now: what decides is the process.
    const [b2, a2] = [
      new TestMember(again, 'aa', { processId: 'q' }),
      new TestMember(again, 'zz', { processId: 'p' }),
    ]
    await settle(b2, a2)
    assert.ok(a2.epoch > a.epoch)
    assert.deepEqual([a2.tasks, b2.tasks], ['0_0 0_1', '0_2 0_3'])
    await second.close()
    await storage.close()
  })

  test('members of other processes go on with what they have', async () => {
    const clock = new ManualClock(1_700_000_000_000)
    const storage = await openMemoryStorage({ clock })
    const kept = keptOpen(storage)
    const first = await openBroker({ storage: kept, clock, sessionTimeoutMs: 10_000 })
    const client = new TestClient(first, '10.0.0.1:4000')
    await client.createTopic('in', 4)
    const [a, b] = [new TestMember(client, 'a', {}), new TestMember(client, 'b', {})]
    await settle(a, b)
    const own = new TestMember(new TestClient(first), 'own', {})
    await settle(own, a, b)
    assert.deepEqual([a.tasks, b.tasks, own.tasks], ['0_0 0_1', '0_2', '0_3'])
    await first.close()

    const second = await openBroker({ storage: kept, clock, sessionTimeoutMs: 10_000 })
    const again = new TestClient(second, '10.0.0.1:4001')
    const after = (member: TestMember): TestMember =>
      Object.assign(new TestMember(again, member.name, {}), { epoch: member.epoch, active: member.active })
    const [a2, b2, own2] = [after(a), after(b), after(own)]
    assert.equal(await own2.beat(), 'UNKNOWN_MEMBER_ID')
    assert.equal(await a2.beat(), 'NONE')
    assert.equal(a2.tasks, '0_0 0_1')
    assert.ok(a2.epoch > a.epoch)
    assert.equal(await b2.beat(), 'NONE')
    assert.equal(b2.tasks, '0_2 0_3', 'what the ended process had is free at once')
    clock.advance(9_999)
    await b2.beat()
    clock.advance(1)
    assert.equal(await a2.beat(), 'UNKNOWN_MEMBER_ID', 'a has been silent for its whole new session')
    await b2.beat()
    assert.equal(b2.tasks, '0_0 0_1 0_2 0_3')
    await second.close()
    await storage.close()
  })
})

/** The storage outlives the broker on it. */
function keptOpen(storage: LogStorage): LogStorage {
  return {
    clusterId: storage.clusterId,
    journal: storage.journal,
    topics: () => storage.topics(),
    topic: name => storage.topic(name),
    topicById: id => storage.topicById(id),
    createTopic: (name, partitions, configs) => storage.createTopic(name, partitions, configs),
    growTopic: (name, partitions) => storage.growTopic(name, partitions),
    configureTopic: (name, configs) => storage.configureTopic(name, configs),
    deleteTopic: name => storage.deleteTopic(name),
    close: () => Promise.resolve(),
  }
}
