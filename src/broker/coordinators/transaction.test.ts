import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ManualClock } from '../../internal/clock.ts'
import { errorCodes, errorName } from '../../wire/error-codes.ts'
import { addOffsetsToTxn } from '../../wire/messages/add-offsets-to-txn.ts'
import { addPartitionsToTxn } from '../../wire/messages/add-partitions-to-txn.ts'
import { offsetFetch } from '../../wire/messages/offset-fetch.ts'
import { produce } from '../../wire/messages/produce.ts'
import { txnOffsetCommit } from '../../wire/messages/txn-offset-commit.ts'
import { openBroker } from '../broker.ts'
import type { LogStorage, PartitionLog, TopicLog } from '../storage/log-storage.ts'
import { openFileStorage, openMemoryStorage } from '../storage/storage.ts'
import { type Identity, recordBatch, TestClient } from '../test-client.ts'

const T = 't'

async function opened(storage?: LogStorage) {
  const clock = new ManualClock(1_700_000_000_000)
  const broker = await openBroker({ storage: storage ?? (await openMemoryStorage({ clock })), clock })
  const client = new TestClient(broker)
  if (storage === undefined) await client.createTopic('a', 4)
  return { broker, clock, client, [Symbol.asyncDispose]: () => broker.close() }
}

function identity({ producerId, producerEpoch }: Identity): Identity {
  return { producerId, producerEpoch }
}

async function commitOffset(
  client: TestClient,
  producer: Identity,
  offset: number,
  options: CommitOptions = {},
) {
  const { partition = 0, version = 5, ...member } = options
  const { topics } = await client.send(txnOffsetCommit, version, {
    transactionalId: T,
    groupId: 'g',
    ...identity(producer),
    ...member,
    topics: [
      {
        name: 'a',
        partitions: [{ partitionIndex: partition, committedOffset: offset, committedMetadata: '' }],
      },
    ],
  })
  return errorName(topics[0]?.partitions[0]?.errorCode ?? -1)
}

interface CommitOptions {
  partition?: number
  version?: number
  memberId?: string
  generationId?: number
}

async function readOffset(client: TestClient, requireStable = true, partition = 0) {
  const { groups } = await client.send(offsetFetch, 9, {
    groups: [{ groupId: 'g', topics: [{ name: 'a', partitionIndexes: [partition] }] }],
    requireStable,
  })
  const found = groups[0]?.topics[0]?.partitions[0]
  return found?.errorCode === 0 ? found.committedOffset : errorName(found?.errorCode ?? -1)
}

async function write(client: TestClient, producer: Identity, values: string[], partition = 0, sequence = 0) {
  const { errorCode } = await client.produce('a', values, {
    ...identity(producer),
    transactionalId: T,
    partition,
    sequence,
  })
  return errorName(errorCode)
}

describe('a transaction', () => {
  test('shows its records and its offsets when it is committed, and not before', async () => {
    await using fixture = await opened()
    const { client } = fixture
    const producer = await client.initProducer(T)
    await write(client, producer, ['1', '2'], 0)
    await write(client, producer, ['3'], 1)
    await commitOffset(client, producer, 42)
    assert.deepEqual(await client.committedValues('a', 0), [])
    assert.equal(await readOffset(client, false), -1)
    assert.equal(await readOffset(client, true), 'UNSTABLE_OFFSET_COMMIT')
    const ended = await client.endTxn(T, producer, true)
    assert.equal(ended.errorCode, 0)
    assert.deepEqual(await client.committedValues('a', 0), ['1', '2'])
    assert.deepEqual(await client.committedValues('a', 1), ['3'])
    assert.equal(await readOffset(client), 42)
  })

  test('leaves nothing when it is aborted', async () => {
    await using fixture = await opened()
    const { client } = fixture
    const producer = await client.initProducer(T)
    await write(client, producer, ['gone'])
    await commitOffset(client, producer, 42)
    const next = await client.endTxn(T, producer, false)
    assert.equal(next.errorCode, 0)
    assert.deepEqual(await client.committedValues('a'), [])
    assert.equal(await readOffset(client), -1)
    await write(client, next, ['kept'])
    await client.endTxn(T, next, true)
    assert.deepEqual(await client.committedValues('a'), ['kept'])
  })

  test('bumps the epoch with every end (KIP-890), so that its sequences begin again', async () => {
    await using fixture = await opened()
    const { client } = fixture
    let producer = identity(await client.initProducer(T))
    const epochs = []
    for (const committed of [true, false, true]) {
      assert.equal(await write(client, producer, ['x']), 'NONE')
      producer = identity(await client.endTxn(T, producer, committed))
      epochs.push(producer.producerEpoch)
    }
    assert.deepEqual(epochs, [1, 2, 3])
  })

  test('A: a new instance of the same id takes over and the open transaction is aborted', async () => {
    await using fixture = await opened()
    const { client } = fixture
    const old = await client.initProducer(T)
    await write(client, old, ['lost'])
    const fresh = await client.initProducer(T)
    assert.deepEqual([fresh.errorCode, fresh.producerId], [0, old.producerId])
    // As Kafka counts: one for the fence, one for the abort, one for the new instance.
    assert.equal(fresh.producerEpoch, old.producerEpoch + 3)
    await write(client, fresh, ['kept'])
    await client.endTxn(T, fresh, true)
    assert.deepEqual(await client.committedValues('a'), ['kept'])
  })

  test('B: the old instance is fenced wherever it turns', async () => {
    await using fixture = await opened()
    const { client } = fixture
    const old = await client.initProducer(T)
    await write(client, old, ['lost'])
    await client.initProducer(T)
    assert.equal(await write(client, old, ['late'], 0, 1), 'INVALID_PRODUCER_EPOCH')
    assert.equal(await commitOffset(client, old, 1), 'INVALID_PRODUCER_EPOCH')
    assert.equal(errorName((await client.endTxn(T, old, true)).errorCode), 'PRODUCER_FENCED')
    assert.equal(errorName((await client.endTxn(T, old, true, 1)).errorCode), 'INVALID_PRODUCER_EPOCH')
    assert.equal(errorName((await client.initProducer(T, identity(old))).errorCode), 'PRODUCER_FENCED')
    assert.deepEqual(await client.committedValues('a'), [])
  })

  test('C: two aborted transactions of one producer stay out of one fetch', async () => {
    await using fixture = await opened()
    const { client } = fixture
    let producer = identity(await client.initProducer(T))
    for (const [value, committed] of [
      ['first', false],
      ['kept', true],
      ['second', false],
    ] as const) {
      await write(client, producer, [value])
      producer = identity(await client.endTxn(T, producer, committed))
    }
    assert.deepEqual(await client.committedValues('a'), ['kept'])
  })

  test('D: an aborted transaction that is larger than a fetch stays out of every fetch', async () => {
    await using fixture = await opened()
    const { client } = fixture
    let producer = identity(await client.initProducer(T))
    for (let n = 0; n < 10; n++) await write(client, producer, ['x'.repeat(5000)], 0, n)
    producer = identity(await client.endTxn(T, producer, false))
    await write(client, producer, ['kept'])
    await client.endTxn(T, producer, true)
    for (let offset = 0; offset < 10; offset++) {
      const { abortedTransactions } = await client.fetchPartition('a', {
        offset,
        committed: true,
        maxBytes: 100,
      })
      assert.deepEqual(abortedTransactions, [{ producerId: producer.producerId, firstOffset: 0 }])
    }
    assert.deepEqual(await client.committedValues('a'), ['kept'])
  })

  test('E, F: concurrent writes and offsets of four partitions all belong to it', async () => {
    await using fixture = await opened()
    const { client } = fixture
    const producer = await client.initProducer(T)
    const all = [0, 1, 2, 3]
    assert.deepEqual(await Promise.all(all.map(partition => write(client, producer, ['x'], partition))), [
      'NONE',
      'NONE',
      'NONE',
      'NONE',
    ])
    await Promise.all(all.map(partition => commitOffset(client, producer, 10 + partition, { partition })))
    await client.endTxn(T, producer, true)
    const offsets = await Promise.all(all.map(partition => readOffset(client, true, partition)))
    assert.deepEqual(offsets, [10, 11, 12, 13])
    for (const partition of all) assert.deepEqual(await client.committedValues('a', partition), ['x'])
  })

  test('G: offsets of a member that the group does not know are refused', async () => {
    await using fixture = await opened()
    const { client } = fixture
    const producer = await client.initProducer(T)
    const refused = await commitOffset(client, producer, 1, { memberId: 'who', generationId: 3 })
    assert.equal(refused, 'ILLEGAL_GENERATION')
  })

  test('H: the last batches of an idempotent producer are answered again, a gap is refused', async () => {
    await using fixture = await opened()
    const { client } = fixture
    const producer = identity(await client.initProducer(null))
    const send = (sequence: number) => client.produce('a', [String(sequence)], { ...producer, sequence })
    await send(0)
    await send(1)
    assert.deepEqual([(await send(0)).errorCode, (await send(0)).baseOffset], [0, 0])
    assert.equal(errorName((await send(5)).errorCode), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
    assert.deepEqual(await client.committedValues('a'), ['0', '1'])
  })

  test('is aborted after its time, and its late commit refused', async () => {
    await using fixture = await opened()
    const { client, clock } = fixture
    const producer = await client.initProducer(T, undefined, 5000)
    await write(client, producer, ['late'])
    await commitOffset(client, producer, 42)
    clock.advance(4999)
    assert.equal(await readOffset(client), 'UNSTABLE_OFFSET_COMMIT')
    clock.advance(1)
    assert.equal(errorName((await client.endTxn(T, producer, true)).errorCode), 'PRODUCER_FENCED')
    assert.equal(errorName((await client.endTxn(T, producer, false)).errorCode), 'PRODUCER_FENCED')
    assert.equal(await readOffset(client), -1)
    assert.deepEqual(await client.committedValues('a'), [])
    const fresh = await client.initProducer(T)
    assert.equal(await write(client, fresh, ['again']), 'NONE')
  })

  test('whose abort after its time fails is told of by a warning', async () => {
    const storage = await openMemoryStorage({})
    await using fixture = await opened(storage)
    const { client, clock } = fixture
    await client.createTopic('a', 1)
    const producer = await client.initProducer(T, undefined, 5000)
    assert.equal(await write(client, producer, ['late']), 'NONE')
    storage.journal.put = () => Promise.reject(new Error('The disk is full.'))
    const warned = once(process, 'warning')
    clock.advance(5000)
    const [{ message }] = (await warned) as [Error]
    assert.equal(message, 'The transaction of "t" was not aborted after its timeout: The disk is full.')
  })

  test('gets the same answer to the same end, and a refusal to another one', async () => {
    await using fixture = await opened()
    const { client } = fixture
    const producer = await client.initProducer(T)
    await write(client, producer, ['x'])
    const first = await client.endTxn(T, producer, true)
    assert.deepEqual(await client.endTxn(T, producer, true), first)
    assert.equal(errorName((await client.endTxn(T, producer, false)).errorCode), 'INVALID_TXN_STATE')
    assert.deepEqual(await client.committedValues('a'), ['x'])
  })

  test('answers both of two ends at once', async () => {
    await using fixture = await opened()
    const { client } = fixture
    const producer = await client.initProducer(T)
    await write(client, producer, ['x'])
    const ends = await Promise.all([client.endTxn(T, producer, true), client.endTxn(T, producer, true)])
    assert.deepEqual(ends[0], ends[1])
    assert.equal(ends[0].producerEpoch, 1)
  })

  test('that never began can be aborted, not committed (EndTxn v5)', async () => {
    await using fixture = await opened()
    const { client } = fixture
    const producer = await client.initProducer(T)
    assert.equal(errorName((await client.endTxn(T, producer, true)).errorCode), 'INVALID_TXN_STATE')
    const aborted = await client.endTxn(T, producer, false)
    assert.deepEqual([aborted.errorCode, aborted.producerEpoch], [0, 1])
  })

  test('of an unknown id or another producer id has no mapping', async () => {
    await using fixture = await opened()
    const { client } = fixture
    const producer = await client.initProducer(T)
    const other = { producerId: producer.producerId + 7, producerEpoch: 0 }
    assert.equal(
      errorName((await client.endTxn('x', producer, true)).errorCode),
      'INVALID_PRODUCER_ID_MAPPING',
    )
    assert.equal(errorName((await client.endTxn(T, other, true)).errorCode), 'INVALID_PRODUCER_ID_MAPPING')
    assert.equal(await write(client, other, ['x']), 'INVALID_PRODUCER_ID_MAPPING')
  })

  test('refuses a timeout that is too long', async () => {
    await using fixture = await opened()
    const { errorCode } = await fixture.client.initProducer(T, undefined, 900_001)
    assert.equal(errorName(errorCode), 'INVALID_TRANSACTION_TIMEOUT')
  })

  test('goes on under a new producer id when the epochs have run out', async () => {
    await using fixture = await opened()
    const { client } = fixture
    let producer = identity(await client.initProducer(T))
    for (let epoch = 1; epoch <= 32_766; epoch++) producer = identity(await client.initProducer(T))
    assert.equal(producer.producerEpoch, 32_766)
    assert.equal(await write(client, producer, ['last']), 'NONE')
    const next = await client.endTxn(T, producer, true)
    assert.notEqual(next.producerId, producer.producerId)
    assert.equal(next.producerEpoch, 0)
    assert.deepEqual(await client.endTxn(T, producer, true), next)
    assert.equal(await write(client, next, ['first']), 'NONE')
    await client.endTxn(T, next, true)
    assert.deepEqual(await client.committedValues('a'), ['last', 'first'])
  })
})

describe('a transaction of an older client', () => {
  test('names its partitions and groups first and keeps its epoch', async () => {
    await using fixture = await opened()
    const { client } = fixture
    const producer = identity(await client.initProducer(T))
    const early = await client.produce('a', ['early'], { ...producer, transactionalId: T, version: 9 })
    assert.equal(errorName(early.errorCode), 'INVALID_TXN_STATE')
    assert.equal(await commitOffset(client, producer, 1, { version: 3 }), 'INVALID_TXN_STATE')
    const added = await client.send(addPartitionsToTxn, 0, {
      v3AndBelowTransactionalId: T,
      v3AndBelowProducerId: producer.producerId,
      v3AndBelowProducerEpoch: producer.producerEpoch,
      v3AndBelowTopics: [{ name: 'a', partitions: [0] }],
    })
    assert.equal(added.resultsByTopicV3AndBelow[0]?.resultsByPartition[0]?.partitionErrorCode, 0)
    const grouped = await client.send(addOffsetsToTxn, 3, { transactionalId: T, ...producer, groupId: 'g' })
    assert.equal(grouped.errorCode, 0)
    const sent = await client.produce('a', ['x'], { ...producer, transactionalId: T, version: 9 })
    assert.equal(sent.errorCode, 0)
    assert.equal(await commitOffset(client, producer, 7, { version: 3 }), 'NONE')
    assert.equal((await client.endTxn(T, producer, true, 3)).errorCode, 0)
    assert.equal((await client.endTxn(T, producer, true, 3)).errorCode, 0)
    assert.deepEqual(await client.committedValues('a'), ['x'])
    assert.equal(await readOffset(client), 7)
  })

  test('adds all of its partitions or none', async () => {
    await using fixture = await opened()
    const producer = await fixture.client.initProducer(T)
    const { resultsByTopicV3AndBelow } = await fixture.client.send(addPartitionsToTxn, 3, {
      v3AndBelowTransactionalId: T,
      v3AndBelowProducerId: producer.producerId,
      v3AndBelowProducerEpoch: producer.producerEpoch,
      v3AndBelowTopics: [
        { name: 'a', partitions: [0, 9] },
        { name: 'b', partitions: [0] },
      ],
    })
    const codes = resultsByTopicV3AndBelow.flatMap(topic =>
      topic.resultsByPartition.map(result => errorName(result.partitionErrorCode)),
    )
    assert.deepEqual(codes, [
      'OPERATION_NOT_ATTEMPTED',
      'UNKNOWN_TOPIC_OR_PARTITION',
      'UNKNOWN_TOPIC_OR_PARTITION',
    ])
  })
})

describe('a transactional batch', () => {
  test('without a transactional id in its request is refused', async () => {
    await using fixture = await opened()
    const producer = await fixture.client.initProducer(T)
    const { responses } = await fixture.client.send(produce, 12, {
      transactionalId: null,
      acks: -1,
      timeoutMs: 0,
      topicData: [
        {
          name: 'a',
          partitionData: [
            { index: 0, records: recordBatch(['x'], { ...identity(producer), transactionalId: T }) },
          ],
        },
      ],
    })
    assert.equal(responses[0]?.partitionResponses[0]?.errorCode, errorCodes.INVALID_TXN_STATE)
  })
})

describe('after a crash', () => {
  /** The files as they are at this moment: what a killed process leaves. */
  async function crashed(directory: string): Promise<string> {
    const copy = await mkdtemp(join(tmpdir(), 'evert-crashed-'))
    await cp(directory, copy, { recursive: true })
    for (const name of await readdir(copy)) if (name.startsWith('lock')) await rm(join(copy, name))
    return copy
  }

  async function inDirectory(run: (directory: string) => Promise<void>): Promise<void> {
    const directory = await mkdtemp(join(tmpdir(), 'evert-txn-'))
    try {
      await run(directory)
    } finally {
      await rm(directory, { recursive: true })
    }
  }

  test('what was decided is carried out before anything is read', async () => {
    await inDirectory(async directory => {
      for (const committed of [true, false]) {
        const storage = await openFileStorage(join(directory, String(committed)))
        const held = Promise.withResolvers<void>()
        const reached = Promise.withResolvers<void>()
        const first = await opened(
          withMarkers(storage, async append => {
            reached.resolve()
            await held.promise
            return append()
          }),
        )
        await first.client.createTopic('a', 2)
        const producer = await first.client.initProducer(T)
        await write(first.client, producer, ['x'], 0)
        await write(first.client, producer, ['y'], 1)
        await commitOffset(first.client, producer, 42)
        const ending = first.client.endTxn(T, producer, committed)
        await reached.promise
        const copy = await crashed(join(directory, String(committed)))
        held.resolve()
        await ending
        await first.broker.close()

        const second = await opened(await openFileStorage(copy))
        assert.deepEqual(await second.client.committedValues('a', 0), committed ? ['x'] : [])
        assert.deepEqual(await second.client.committedValues('a', 1), committed ? ['y'] : [])
        assert.equal(await readOffset(second.client), committed ? 42 : -1)
        // The producer that never heard of it asks again and is told.
        const again = await second.client.endTxn(T, producer, committed)
        assert.deepEqual([again.errorCode, again.producerEpoch], [0, producer.producerEpoch + 1])
        assert.equal(await write(second.client, again, ['next']), 'NONE')
        await second.broker.close()
        await rm(copy, { recursive: true })
      }
    })
  })

  test('what was open is aborted, and its late commit refused', async () => {
    await inDirectory(async directory => {
      const first = await opened(await openFileStorage(directory))
      await first.client.createTopic('a', 1)
      const done = await first.client.initProducer(T)
      await write(first.client, done, ['kept'])
      const producer = await first.client.endTxn(T, done, true)
      await write(first.client, producer, ['open'])
      await commitOffset(first.client, producer, 42)
      const copy = await crashed(directory)
      await first.broker.close()

      const second = await opened(await openFileStorage(copy))
      assert.deepEqual(await second.client.committedValues('a'), ['kept'])
      assert.equal(await readOffset(second.client), -1)
      assert.equal(errorName((await second.client.endTxn(T, producer, true)).errorCode), 'PRODUCER_FENCED')
      const fresh = await second.client.initProducer(T)
      assert.equal(await write(second.client, fresh, ['new']), 'NONE')
      await second.client.endTxn(T, fresh, true)
      assert.deepEqual(await second.client.committedValues('a'), ['kept', 'new'])
      await second.broker.close()
      await rm(copy, { recursive: true })
    })
  })

  test('offsets of an older client that were staged and lost are not reported as committed', async () => {
    await inDirectory(async directory => {
      const first = await opened(await openFileStorage(directory))
      await first.client.createTopic('a', 1)
      const producer = identity(await first.client.initProducer(T))
      const begin = () =>
        first.client.send(addOffsetsToTxn, 3, { transactionalId: T, ...producer, groupId: 'g' })
      await begin()
      await commitOffset(first.client, producer, 1, { version: 3 })
      await first.client.endTxn(T, producer, true, 3)
      await begin()
      await commitOffset(first.client, producer, 2, { version: 3 })
      const copy = await crashed(directory)
      await first.broker.close()

      const second = await opened(await openFileStorage(copy))
      assert.equal(errorName((await second.client.endTxn(T, producer, true, 3)).errorCode), 'PRODUCER_FENCED')
      assert.equal(await readOffset(second.client), 1)
      await second.broker.close()
      await rm(copy, { recursive: true })
    })
  })

  test('offsets that were staged and lost take the records with them that come after the restart', async () => {
    await inDirectory(async directory => {
      const first = await opened(await openFileStorage(directory))
      await first.client.createTopic('a', 1)
      const producer = await first.client.initProducer(T)
      // Offsets and records are sent side by side; the records have not arrived.
      assert.equal(await commitOffset(first.client, producer, 42), 'NONE')
      const copy = await crashed(directory)
      await first.broker.close()

      const second = await opened(await openFileStorage(copy))
      assert.equal(await write(second.client, producer, ['half']), 'TRANSACTION_ABORTABLE')
      assert.equal(await commitOffset(second.client, producer, 42), 'TRANSACTION_ABORTABLE')
      assert.equal(errorName((await second.client.endTxn(T, producer, true)).errorCode), 'INVALID_TXN_STATE')
      const next = await second.client.endTxn(T, producer, false)
      assert.equal(next.errorCode, 0)
      assert.equal(await write(second.client, next, ['whole']), 'NONE')
      assert.equal(await commitOffset(second.client, next, 42), 'NONE')
      await second.client.endTxn(T, next, true)
      assert.deepEqual(await second.client.committedValues('a'), ['whole'])
      assert.equal(await readOffset(second.client), 42)
      await second.broker.close()
      await rm(copy, { recursive: true })
    })
  })

  test('a new instance of a transactional id goes on at once', async () => {
    await inDirectory(async directory => {
      const first = await opened(await openFileStorage(directory))
      await first.client.createTopic('a', 1)
      await first.client.initProducer(T)
      const copy = await crashed(directory)
      await first.broker.close()

      const second = await opened(await openFileStorage(copy))
      const fresh = await second.client.initProducer(T)
      assert.equal(await write(second.client, fresh, ['new']), 'NONE')
      await second.client.endTxn(T, fresh, true)
      assert.deepEqual(await second.client.committedValues('a'), ['new'])
      await second.broker.close()
      await rm(copy, { recursive: true })
    })
  })

  test('producer ids are not given out twice', async () => {
    await inDirectory(async directory => {
      const first = await opened(await openFileStorage(directory))
      const ids = [await first.client.initProducer(null), await first.client.initProducer(null)]
      const copy = await crashed(directory)
      await first.broker.close()
      const second = await opened(await openFileStorage(copy))
      ids.push(await second.client.initProducer(null))
      assert.equal(new Set(ids.map(({ producerId }) => producerId)).size, 3)
      await second.broker.close()
      await rm(copy, { recursive: true })
    })
  })
})

type Hold = (
  append: () => ReturnType<PartitionLog['appendMarker']>,
) => ReturnType<PartitionLog['appendMarker']>

/** The same storage, but every marker goes through `hold`. */
function withMarkers(storage: LogStorage, hold: Hold): LogStorage {
  return overridden(storage, {
    topic: (name: string) => {
      const topic = storage.topic(name)
      return topic === undefined ? undefined : withHeldPartitions(topic, hold)
    },
  })
}

function withHeldPartitions(topic: TopicLog, hold: Hold): TopicLog {
  const partitions = topic.partitions.map(log =>
    overridden(log, {
      appendMarker: (marker: Parameters<PartitionLog['appendMarker']>[0]) =>
        hold(() => log.appendMarker(marker)),
    }),
  )
  return overridden(topic, { partitions })
}

function overridden<T extends object>(target: T, replaced: Partial<T>): T {
  return new Proxy(target, {
    get(_target, name) {
      if (name in replaced) return Reflect.get(replaced, name)
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
