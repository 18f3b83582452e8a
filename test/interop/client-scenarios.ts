import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { isEvertError } from '../../src/errors.ts'
import {
  type Cluster,
  commitOffsets,
  committedOffsets,
  createPartitions,
  createTopics,
  deleteRecords,
  deleteTopics,
  describeCluster,
  describeConfigs,
  describeTopics,
  Fetcher,
  KafkaError,
  listOffsets,
  listTopics,
  Producer,
  ProducerFencedError,
  readTopic,
  type StreamsAssignment,
  StreamsMember,
  type StreamsTopology,
} from '../../src/client/index.ts'

/** A running broker that the scenarios may use as they like. */
export interface ScenarioTarget {
  /** A new client; the scenarios close it. */
  openCluster(): Promise<Cluster>
  stop(): Promise<void>
}

const bytes = (text: string): Buffer => Buffer.from(text)
let unique = 0
const uniqueName = (what: string): string => `${what}-${process.pid}-${unique++}`
const TIMEOUT_MS = 120_000

/**
 * What any Kafka client must get right for exactly-once (and what clients get wrong in practice), as one suite for
 * the embedded broker, in process and over TCP, and for Apache Kafka.
 */
export function clientScenarios(name: string, start: () => Promise<ScenarioTarget>, skip?: string): void {
  suite(name, { skip: skip ?? false, timeout: TIMEOUT_MS * 3 }, () => {
    let target: ScenarioTarget
    let cluster: Cluster

    before(async () => {
      target = await start()
      cluster = await target.openCluster()
    })

    after(async () => {
      await cluster?.close()
      await target?.stop()
    })

    const scenario = (title: string, run: () => Promise<void>): void => {
      test(title, { timeout: TIMEOUT_MS }, run)
    }

    async function newTopic(partitions = 1, configs: Record<string, string> = {}): Promise<string> {
      const topic = uniqueName('scenario')
      await createTopics(cluster, [
        { name: topic, partitions, configs: { 'retention.ms': '-1', ...configs } },
      ])
      return topic
    }

    async function transactional(transactionalId = uniqueName('txn'), options = {}): Promise<Producer> {
      const producer = new Producer(cluster, { transactionalId, ...options })
      await producer.init()
      return producer
    }

    async function values(
      topic: string,
      isolation: 'read_committed' | 'read_uncommitted' = 'read_committed',
    ): Promise<string[]> {
      const found: string[] = []
      for await (const { batches } of readTopic(cluster, topic, { isolation })) {
        for (const batch of batches) {
          const records = batch.records()
          for (let index = 0; index < records.count; index++) found.push(String(records.value(index)))
        }
      }
      return found
    }

    /** What is committed in the end: with the older protocol a commit answers before its markers are written. */
    async function reads(topic: string, expected: readonly string[]): Promise<void> {
      await until(async () => (await values(topic)).length >= expected.length)
      assert.deepEqual(await values(topic), expected)
    }

    function put(producer: Producer, topic: string, partition: number, ...texts: string[]): void {
      for (const text of texts) producer.append(topic, partition, 1000, null, bytes(text), [])
    }

    scenario(
      'A: a restarted instance takes over its transactional id and ends what was left open',
      async () => {
        const topic = await newTopic()
        const id = uniqueName('restart')
        const first = await transactional(id)
        first.begin()
        put(first, topic, 0, 'committed')
        await first.commit()
        first.begin()
        put(first, topic, 0, 'left open')
        await first.flush()

        const second = await transactional(id)
        second.begin()
        put(second, topic, 0, 'after the restart')
        await second.commit()
        await reads(topic, ['committed', 'after the restart'])
        assert.deepEqual(await values(topic, 'read_uncommitted'), [
          'committed',
          'left open',
          'after the restart',
        ])
        await second.close()
        await first.close()
      },
    )

    scenario('B: an older instance is fenced when it sends and when it commits', async () => {
      const topic = await newTopic()
      const id = uniqueName('zombie')
      const sending = await transactional(id)
      const committing = await transactional(id)
      sending.begin()
      put(sending, topic, 0, 'from the first')
      await assert.rejects(sending.flush(), ProducerFencedError)
      await assert.rejects(sending.commit(), ProducerFencedError)
      await assert.rejects(sending.abort(), ProducerFencedError)

      committing.begin()
      put(committing, topic, 0, 'from the second')
      await committing.flush()
      const last = await transactional(id)
      await assert.rejects(committing.commit(), ProducerFencedError)
      last.begin()
      put(last, topic, 0, 'from the third')
      await last.commit()
      await reads(topic, ['from the third'])
      for (const producer of [sending, committing, last]) await producer.close()
    })

    scenario(
      'C: two aborted transactions of one producer in one fetch leave only what lies between them',
      async () => {
        const topic = await newTopic()
        const producer = await transactional()
        for (const [text, isCommit] of [
          ['aborted 1', false],
          ['committed 1', true],
          ['aborted 2', false],
          ['committed 2', true],
          ['aborted 3', false],
        ] as const) {
          producer.begin()
          put(producer, topic, 0, text)
          await producer.flush()
          if (isCommit) await producer.commit()
          else await producer.abort()
        }
        await reads(topic, ['committed 1', 'committed 2'])
        assert.equal((await values(topic, 'read_uncommitted')).length, 5)
        await producer.close()
      },
    )

    scenario('D: an aborted transaction larger than a fetch is dropped in every fetch', async () => {
      const topic = await newTopic()
      const producer = await transactional(undefined, { batchBytes: 4096 })
      const large = 'x'.repeat(5000)
      producer.begin()
      put(producer, topic, 0, ...Array.from({ length: 10 }, (_, index) => `${index}${large}`))
      await producer.flush()
      await producer.abort()
      producer.begin()
      put(producer, topic, 0, 'committed')
      await producer.commit()

      await using fetcher = new Fetcher(cluster, { partitionMaxBytes: 6000, maxBytes: 6000 })
      fetcher.assign([{ topic, partition: 0, offset: 0 }])
      const found: string[] = []
      let answers = 0
      while (found.length === 0) {
        for (const { batches } of await fetcher.poll({ maxWaitMs: 1000 })) {
          answers++
          for (const batch of batches) found.push(String(batch.records().value(0)))
        }
      }
      assert.deepEqual(found, ['committed'])
      assert.ok(answers > 3, `the transaction came in ${answers} fetches`)
      await producer.close()
    })

    scenario('E: concurrent sends to four partitions are one transaction', async () => {
      const topic = await newTopic(4)
      const producer = await transactional()
      for (let round = 0; round < 3; round++) {
        producer.begin()
        const sends = [0, 1, 2, 3].map(partition =>
          producer.send({ topic, partition, key: null, value: bytes(`${round}/${partition}`) }),
        )
        await producer.commit()
        const acknowledged = await Promise.all(sends)
        assert.deepEqual(
          acknowledged.map(({ partition }) => partition),
          [0, 1, 2, 3],
        )
      }
      await until(async () => (await values(topic)).length >= 12)
      assert.equal(new Set(await values(topic)).size, 12)
      await producer.close()
    })

    scenario(
      'F: offsets of four partitions are committed together and are stable when read at once',
      async () => {
        const topic = await newTopic(4)
        const groupId = uniqueName('group')
        const producer = await transactional()
        const partitions = [0, 1, 2, 3].map(partition => ({ topic, partition }))
        for (let round = 1; round <= 5; round++) {
          const offsets = partitions.map(where => ({
            ...where,
            offset: round * 10,
            metadata: `round ${round}`,
          }))
          producer.begin()
          put(producer, topic, round % 4, `round ${round}`)
          await producer.commit({ offsets, group: { groupId } })
          assert.deepEqual(await committedOffsets(cluster, { groupId }, partitions), offsets)
        }
        producer.begin()
        const offsets = partitions.map(where => ({ ...where, offset: 60 }))
        await producer.commit({ offsets, group: { groupId } })
        assert.equal((await committedOffsets(cluster, { groupId }, partitions)).length, 4, 'offsets alone')
        await producer.close()
      },
    )

    scenario(
      'G: offsets of a member that is not (any more) in the group are refused, and nothing is committed',
      async () => {
        const topic = await newTopic(2)
        const groupId = uniqueName('group')
        const owner = new RecordingOwner()
        const member = new StreamsMember(cluster, owner, memberOptions(groupId, topic))
        owner.member = member
        await member.start()
        await until(() => owner.count('active') === 2)
        const producer = await transactional()
        const offsets = [{ topic, partition: 0, offset: 7 }]
        for (const group of [
          { groupId, memberId: 'a stranger', epoch: member.memberEpoch },
          { groupId, memberId: member.memberId, epoch: member.memberEpoch - 1 },
        ]) {
          producer.begin()
          put(producer, topic, 0, 'must not be seen')
          await assert.rejects(
            producer.commit({ offsets, group }),
            error => error instanceof KafkaError && !(error instanceof ProducerFencedError),
          )
          await producer.abort()
        }
        assert.deepEqual(await committedOffsets(cluster, { groupId }, [{ topic, partition: 0 }]), [])
        producer.begin()
        put(producer, topic, 0, 'seen')
        await producer.commit({
          offsets,
          group: { groupId, memberId: member.memberId, epoch: member.memberEpoch },
        })
        assert.equal((await committedOffsets(cluster, { groupId }, [{ topic, partition: 0 }]))[0]?.offset, 7)
        await reads(topic, ['seen'])
        await producer.close()
        await member.close()
      },
    )

    scenario('H: two hundred parallel idempotent sends keep their order', async () => {
      const topic = await newTopic()
      await using producer = new Producer(cluster)
      const texts = Array.from({ length: 200 }, (_, index) => `value ${index}`)
      const sends: Promise<{ offset: number }>[] = []
      for (const text of texts) {
        sends.push(producer.send({ topic, partition: 0, key: null, value: bytes(text) }))
        if (sends.length % 20 === 0) await nextTurn()
      }
      const offsets = (await Promise.all(sends)).map(({ offset }) => offset)
      assert.deepEqual(
        offsets,
        texts.map((_, index) => index),
      )
      await reads(topic, texts)
    })

    scenario('I: with transaction.version 2 every transaction has an epoch of its own', async () => {
      const topic = await newTopic()
      const producer = await transactional()
      for (let round = 0; round < 3; round++) {
        producer.begin()
        put(producer, topic, 0, `round ${round}`)
        await producer.commit()
      }
      const epochs: number[] = []
      for await (const { batches } of readTopic(cluster, topic)) {
        for (const batch of batches) epochs.push(batch.producerEpoch)
      }
      const connection = await cluster.anyConnection()
      const isSecond = (connection.features.get('transaction.version') ?? 0) >= 2
      const first = epochs[0] as number
      assert.deepEqual(epochs, isSecond ? [first, first + 1, first + 2] : [first, first, first])
      await producer.close()
    })

    scenario(
      'J: members of a streams group share the tasks, give them up before others get them, and leave',
      async () => {
        const topic = await newTopic(4)
        const groupId = uniqueName('group')
        const first = new RecordingOwner()
        first.member = new StreamsMember(cluster, first, memberOptions(groupId, topic))
        await first.member.start()
        await until(() => first.count('active') === 4)
        assert.ok(first.member.memberEpoch > 0)

        const second = new RecordingOwner()
        second.member = new StreamsMember(cluster, second, memberOptions(groupId, topic))
        second.others = [first]
        first.others = [second]
        await second.member.start()
        await until(() => first.count('active') === 2 && second.count('active') === 2)
        assert.deepEqual([...first.tasks(), ...second.tasks()].toSorted(), ['0_0', '0_1', '0_2', '0_3'])

        await second.member.close()
        second.assignment = { active: [], standby: [], warmup: [] }
        await until(() => first.count('active') === 4)
        assert.deepEqual(first.faults.concat(second.faults), [])
        await first.member.close()
      },
    )

    scenario('J: a missing source topic is a status, not an end', async () => {
      const topic = uniqueName('later')
      const owner = new RecordingOwner()
      owner.member = new StreamsMember(cluster, owner, memberOptions(uniqueName('group'), topic))
      await owner.member.start()
      await until(() => owner.statuses.includes('MISSING_SOURCE_TOPICS'))
      await createTopics(cluster, [{ name: topic, partitions: 2 }])
      await until(() => owner.count('active') === 2)
      assert.deepEqual(owner.faults, [])
      await owner.member.close()
    })

    scenario('K: batches come back as the bytes that were sent, with any built-in compression', async () => {
      const topic = await newTopic()
      for (const compression of ['none', 'gzip', 'zstd'] as const) {
        await using producer = new Producer(cluster, { compression })
        for (let index = 0; index < 50; index++) {
          producer.append(topic, 0, 5000 + index, bytes(`key ${index}`), bytes(compression), [
            { key: 'kind', value: bytes('header') },
            { key: 'none', value: null },
          ])
        }
        producer.append(topic, 0, 6000, bytes('tombstone'), null, [])
        await producer.flush()
      }
      const compressions: string[] = []
      let expected = 0
      for await (const { batches } of readTopic(cluster, topic)) {
        for (const batch of batches) {
          compressions.push(batch.compression)
          batch.verify()
          const records = batch.records()
          assert.equal(batch.baseOffset, expected)
          assert.equal(records.count, 51)
          assert.equal(String(records.key(49)), 'key 49')
          assert.equal(String(records.value(49)), batch.compression)
          assert.equal(records.timestamp(49), 5049)
          assert.deepEqual(
            records.headers(49).map(({ key, value }) => [key, value === null ? null : String(value)]),
            [
              ['kind', 'header'],
              ['none', null],
            ],
          )
          assert.equal(records.value(50), null)
          expected = batch.nextOffset
        }
      }
      assert.deepEqual(compressions, ['none', 'gzip', 'zstd'])
    })

    scenario('megabytes in batches of a hundred kilobytes and more come back whole', async () => {
      const topic = await newTopic(2)
      await using producer = new Producer(cluster)
      const count = 4000
      for (let index = 0; index < count; index++) {
        producer.append(topic, index % 2, 1000, bytes(`${index}`), Buffer.alloc(1000, index % 251), [])
      }
      await producer.flush()
      const next = [0, 1]
      let largest = 0
      for await (const { partition, batches } of readTopic(cluster, topic)) {
        for (const batch of batches) {
          largest = Math.max(largest, batch.sizeBytes)
          const records = batch.records()
          for (let index = 0; index < records.count; index++) {
            const expected = next[partition] as number
            assert.equal(String(records.key(index)), `${expected}`)
            assert.deepEqual(records.value(index), Buffer.alloc(1000, expected % 251))
            next[partition] = expected + 2
          }
        }
      }
      assert.deepEqual(next, [count, count + 1])
      assert.ok(largest > 100_000)
    })

    scenario('a fetch that begins inside of a batch says where the caller begins', async () => {
      const topic = await newTopic()
      await using producer = new Producer(cluster)
      put(producer, topic, 0, ...Array.from({ length: 10 }, (_, index) => `${index}`))
      await producer.flush()
      await using fetcher = new Fetcher(cluster)
      fetcher.assign([{ topic, partition: 0, offset: 6 }])
      const [fetched] = await pollSome(fetcher)
      assert.equal(fetched?.firstOffset, 6)
      assert.equal(fetched?.batches[0]?.baseOffset, 0)
      assert.equal(fetched?.nextOffset, 10)
      assert.deepEqual(
        { ...pick(fetcher.progress(topic, 0)) },
        { position: 10, highWatermark: 10, lastStableOffset: 10 },
      )
    })

    scenario('seek, pause and unassign take effect on the next poll', async () => {
      const topic = await newTopic(2)
      await using producer = new Producer(cluster)
      put(producer, topic, 0, 'a', 'b', 'c')
      put(producer, topic, 1, 'd')
      await producer.flush()
      await using fetcher = new Fetcher(cluster)
      fetcher.assign([0, 1].map(partition => ({ topic, partition, offset: 'earliest' as const })))
      const seen = new Set<number>()
      while (seen.size < 2) for (const { partition } of await fetcher.poll()) seen.add(partition)
      fetcher.pause(topic, 1)
      put(producer, topic, 0, 'e')
      put(producer, topic, 1, 'f')
      await producer.flush()
      assert.deepEqual(
        (await pollSome(fetcher)).map(({ partition }) => partition),
        [0],
      )
      fetcher.seek(topic, 0, 1)
      assert.equal((await pollSome(fetcher))[0]?.firstOffset, 1)
      fetcher.unassign([{ topic, partition: 0 }])
      fetcher.resume(topic, 1)
      const [resumed] = await pollSome(fetcher)
      assert.deepEqual([resumed?.partition, resumed?.firstOffset, resumed?.nextOffset], [1, 1, 2])
    })

    scenario('an offset outside of the log is an error, or a reset when asked for', async () => {
      const topic = await newTopic()
      await using producer = new Producer(cluster)
      put(producer, topic, 0, 'a', 'b', 'c')
      await producer.flush()
      await using failing = new Fetcher(cluster)
      failing.assign([{ topic, partition: 0, offset: 99 }])
      await assert.rejects(
        async () => {
          for (;;) await failing.poll()
        },
        error =>
          error instanceof KafkaError &&
          error.errorName === 'OFFSET_OUT_OF_RANGE' &&
          error.topic === topic &&
          error.partition === 0,
      )
      failing.seek(topic, 0, 2)
      assert.equal((await pollSome(failing))[0]?.nextOffset, 3)
      await using resetting = new Fetcher(cluster, { offsetReset: 'earliest' })
      resetting.assign([{ topic, partition: 0, offset: 99 }])
      assert.equal((await pollSome(resetting))[0]?.firstOffset, 0)
    })

    scenario('a partition of a deleted topic is an error that names it; the others go on', async () => {
      const [kept, gone] = [await newTopic(), await newTopic()]
      await using producer = new Producer(cluster)
      put(producer, gone, 0, 'a')
      await producer.flush()
      await using fetcher = new Fetcher(cluster, { topicTimeoutMs: 300 })
      fetcher.assign([kept, gone].map(topic => ({ topic, partition: 0, offset: 'earliest' as const })))
      assert.equal((await pollSome(fetcher))[0]?.topic, gone)
      const isMissing = (error: unknown) =>
        error instanceof KafkaError &&
        ['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_ID'].includes(error.errorName) &&
        error.topic === gone &&
        error.partition === 0 &&
        !error.retryable
      await deleteTopics(cluster, [gone])
      await assert.rejects(pollSome(fetcher), isMissing)
      // Reported once: the rest is read as before.
      put(producer, kept, 0, 'b')
      assert.equal((await pollSome(fetcher))[0]?.topic, kept)
      fetcher.seek(gone, 0, 'earliest')
      await assert.rejects(pollSome(fetcher), isMissing)
      await createTopics(cluster, [{ name: gone, partitions: 1 }])
      put(producer, gone, 0, 'c')
      fetcher.seek(gone, 0, 'earliest')
      assert.equal((await pollSome(fetcher))[0]?.topic, gone)
    })

    scenario(
      'offsets are found by position and by time, and records below an offset are deleted',
      async () => {
        const topic = await newTopic()
        await using producer = new Producer(cluster)
        for (const timestamp of [1000, 2000, 3000]) {
          producer.append(topic, 0, timestamp, null, bytes(`${timestamp}`), [])
          await producer.flush()
        }
        const ask = async (at: 'earliest' | 'latest' | number) =>
          (await listOffsets(cluster, [{ topic, partition: 0, at }]))[0]?.offset
        assert.deepEqual([await ask('earliest'), await ask('latest')], [0, 3])
        assert.deepEqual([await ask(1500), await ask(3000), await ask(3001)], [1, 2, -1])
        assert.deepEqual(await deleteRecords(cluster, [{ topic, partition: 0, offset: 2 }]), [
          { topic, partition: 0, logStartOffset: 2 },
        ])
        assert.equal(await ask('earliest'), 2)
        await reads(topic, ['3000'])
      },
    )

    scenario('topics are created once, grown, described and deleted', async () => {
      const topic = uniqueName('admin')
      const wish = [{ name: topic, partitions: 2, configs: { 'cleanup.policy': 'compact' } }]
      assert.deepEqual(await createTopics(cluster, wish), [{ name: topic, result: 'created' }])
      assert.deepEqual(await createTopics(cluster, wish), [{ name: topic, result: 'exists' }])
      assert.equal((await describeConfigs(cluster, { topic })).get('cleanup.policy'), 'compact')
      await createPartitions(cluster, topic, 3)
      assert.ok((await listTopics(cluster)).some(({ name }) => name === topic))
      await until(async () => (await describeTopics(cluster, [topic]))[0]?.partitions.length === 3)
      assert.deepEqual(await deleteTopics(cluster, [topic]), [{ name: topic, result: 'deleted' }])
      await until(async () => (await describeTopics(cluster, [topic]))[0] === undefined)
      assert.deepEqual(await deleteTopics(cluster, [topic]), [{ name: topic, result: 'missing' }])
      await assert.rejects(createTopics(cluster, [{ name: 'no/path' }]), KafkaError)
      const { brokers, clusterId } = await describeCluster(cluster)
      assert.ok(brokers.length > 0 && clusterId.length > 0)
    })

    scenario('producing to a topic that does not exist fails by name, and the producer goes on', async () => {
      const topic = await newTopic()
      const missing = uniqueName('missing')
      await using producer = new Producer(cluster, { topicTimeoutMs: 300 })
      await assert.rejects(
        producer.send({ topic: missing, key: null, value: null }),
        error => error instanceof KafkaError && error.topic === missing,
      )
      producer.append(missing, undefined, 0, null, bytes('lost'), [])
      await assert.rejects(producer.flush(), error => isEvertError(error, 'KAFKA'))
      await producer.flush()
      const { offset } = await producer.send({ topic, key: null, value: bytes('there') })
      assert.equal(offset, 0)
    })

    scenario(
      'a record that is too large fails, and what follows is delivered once and in order',
      async () => {
        const topic = await newTopic(1, { 'max.message.bytes': '2000' })
        await using producer = new Producer(cluster, { batchBytes: 1000 })
        put(producer, topic, 0, 'before')
        await producer.flush()
        const large = producer.send({ topic, partition: 0, key: null, value: Buffer.alloc(5000) })
        await assert.rejects(
          large,
          error => error instanceof KafkaError && error.errorName === 'MESSAGE_TOO_LARGE',
        )
        for (let index = 0; index < 5; index++) {
          put(producer, topic, 0, `after ${index}`)
          await producer.flush()
        }
        await reads(topic, ['before', ...Array.from({ length: 5 }, (_, index) => `after ${index}`)])
      },
    )

    scenario('a transaction with a failed delivery cannot commit, and the next one can', async () => {
      const topic = await newTopic(1, { 'max.message.bytes': '2000' })
      const producer = await transactional(undefined, { batchBytes: 1000 })
      producer.begin()
      put(producer, topic, 0, 'before', 'x'.repeat(5000), 'after')
      await assert.rejects(producer.commit(), error => error instanceof KafkaError)
      await assert.rejects(producer.commit(), error => error instanceof KafkaError, 'it stays poisoned')
      await producer.abort()
      for (const text of ['next', 'one more']) {
        producer.begin()
        put(producer, topic, 0, text)
        await producer.commit()
      }
      await reads(topic, ['next', 'one more'])
      await producer.close()
    })

    scenario('offsets of a topic that does not exist are refused, and the next commit goes on', async () => {
      const topic = await newTopic()
      const group = { groupId: uniqueName('group') }
      const producer = await transactional(undefined, { topicTimeoutMs: 300 })
      producer.begin()
      put(producer, topic, 0, 'a')
      const offsets = [{ topic: uniqueName('missing'), partition: 0, offset: 1 }]
      await assert.rejects(
        producer.commit({ offsets, group }),
        error => error instanceof KafkaError && error.errorName === 'UNKNOWN_TOPIC_OR_PARTITION',
      )
      await producer.abort()
      producer.begin()
      put(producer, topic, 0, 'b')
      await producer.commit({ offsets: [{ topic, partition: 0, offset: 1 }], group })
      await reads(topic, ['b'])
      await producer.close()
    })

    scenario('offsets are committed outside of transactions too', async () => {
      const topic = await newTopic(2)
      const group = { groupId: uniqueName('group') }
      await commitOffsets(cluster, group, [{ topic, partition: 1, offset: 5, metadata: 'note' }])
      const partitions = [0, 1].map(partition => ({ topic, partition }))
      assert.deepEqual(await committedOffsets(cluster, group, partitions), [
        { topic, partition: 1, offset: 5, metadata: 'note' },
      ])
    })
  })
}

function memberOptions(groupId: string, topic: string) {
  const topology: StreamsTopology = {
    epoch: 0,
    subtopologies: [
      {
        subtopologyId: '0',
        sourceTopics: [topic],
        sourceTopicRegex: [],
        stateChangelogTopics: [],
        repartitionSinkTopics: [],
        repartitionSourceTopics: [],
        copartitionGroups: [],
      },
    ],
  }
  return { groupId, topology, processId: uniqueName('process'), rebalanceTimeoutMs: 30_000 }
}

/** Takes what it is given and gives up what is taken, at once; notes tasks that two owners had at the same time. */
class RecordingOwner {
  member: StreamsMember | undefined
  others: RecordingOwner[] = []
  assignment: StreamsAssignment = { active: [], standby: [], warmup: [] }
  readonly statuses: string[] = []
  readonly faults: string[] = []

  owned(): StreamsAssignment {
    return this.assignment
  }

  onAssignment(assignment: StreamsAssignment): void {
    this.assignment = assignment
    const mine = new Set(this.tasks())
    for (const other of this.others) {
      const shared = other.tasks().filter(task => mine.has(task))
      if (shared.length > 0) this.faults.push(`${shared.join()} owned twice`)
    }
    this.member?.acknowledge()
  }

  onLost(cause: Error): void {
    this.faults.push(`lost: ${cause.message}`)
  }

  onStatus(statuses: readonly { name: string }[]): void {
    for (const { name } of statuses) this.statuses.push(name)
  }

  onEndpoints(): void {}

  onFatal(error: Error): void {
    this.faults.push(error.message)
  }

  tasks(): string[] {
    return this.assignment.active.flatMap(({ subtopologyId, partitions }) =>
      partitions.map(partition => `${subtopologyId}_${partition}`),
    )
  }

  count(kind: keyof StreamsAssignment): number {
    return this.assignment[kind].reduce((sum, { partitions }) => sum + partitions.length, 0)
  }
}

async function pollSome(fetcher: Fetcher) {
  for (;;) {
    const fetched = await fetcher.poll({ maxWaitMs: 1000 })
    if (fetched.length > 0) return fetched
  }
}

function pick(progress: ReturnType<Fetcher['progress']>) {
  return {
    position: progress?.position,
    highWatermark: progress?.highWatermark,
    lastStableOffset: progress?.lastStableOffset,
  }
}

/** Looks again on later turns of the event loop until it holds; the test's own timeout ends a wait that never does. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise(resolve => setTimeout(resolve, 5))
}
