import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { isEvertError } from '../../src/errors.ts'
import {
  clusterFromTransport,
  Fetcher,
  KafkaError,
  Producer,
  ProducerFencedError,
  StreamsMember,
} from '../../src/client/index.ts'
import { ManualClock } from '../../src/internal/clock.ts'
import { RecordBatch, stampOffsets } from '../../src/records/record-batch.ts'
import { RecordBatchBuilder } from '../../src/records/record-batch-builder.ts'
import { errorCodes } from '../../src/wire/error-codes.ts'
import { endTxn } from '../../src/wire/messages/end-txn.ts'
import { fetch } from '../../src/wire/messages/fetch.ts'
import { produce } from '../../src/wire/messages/produce.ts'
import { streamsGroupHeartbeat } from '../../src/wire/messages/streams-group-heartbeat.ts'
import type { RequestOf, ResponseInputOf } from '../../src/wire/message.ts'
import { ScriptedTransport } from './scripted-transport.ts'

type ProduceRequest = RequestOf<typeof produce>

function start(options = {}) {
  const transport = new ScriptedTransport()
  const clock = new ManualClock(1_000_000)
  const cluster = clusterFromTransport(transport, { clock, random: () => 0.5, retryBackoffMs: 10 })
  return {
    transport,
    clock,
    cluster,
    producer: (more = {}) => new Producer(cluster, { ...options, ...more }),
  }
}

/** Lets the clock run, a millisecond a turn, until the promise is settled. */
async function settled<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  const progress = { isSettled: false }
  const watched = promise.finally(() => {
    progress.isSettled = true
  })
  watched.catch(() => {})
  while (!progress.isSettled) {
    await nextTurn()
    clock.advance(1)
  }
  return watched
}

function answerAll(request: ProduceRequest, errorCode: (index: number, batch: RecordBatch) => number) {
  return {
    responses: request.topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index, records }) => {
        const batch = RecordBatch.at(records as Buffer)
        return { index, errorCode: errorCode(index, batch), baseOffset: batch.baseSequence }
      }),
    })),
  }
}

const value = (text: string): Buffer => Buffer.from(text)

test('a refused batch is sent again with its sequence before anything newer, one at a time', async () => {
  const { transport, clock, producer: make } = start()
  const sent: [sequence: number, attempt: number][] = []
  const attempts = new Map<number, number>()
  let expected = 0
  transport.on(produce, request =>
    answerAll(request, (_, { baseSequence }) => {
      const attempt = (attempts.get(baseSequence) ?? 0) + 1
      attempts.set(baseSequence, attempt)
      sent.push([baseSequence, attempt])
      if (baseSequence === 1 && attempt === 1) return errorCodes.NOT_LEADER_OR_FOLLOWER
      if (baseSequence !== expected) return errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER
      expected++
      return 0
    }),
  )
  const producer = make({ batchBytes: 1 })
  const sends = Array.from({ length: 6 }, (_, index) =>
    producer.send({ topic: 'topic', partition: 0, key: null, value: value(`${index}`) }),
  )
  const offsets = (await settled(clock, Promise.all(sends))).map(({ offset }) => offset)
  assert.deepEqual(offsets, [0, 1, 2, 3, 4, 5])
  const firsts = sent.filter(([, attempt]) => attempt === 1).map(([sequence]) => sequence)
  assert.deepEqual(firsts, [0, 1, 2, 3, 4, 5])
  const again = sent.filter(([, attempt]) => attempt > 1).map(([sequence]) => sequence)
  assert.deepEqual(
    again,
    again.toSorted((a, b) => a - b),
    'retries go out in order',
  )
  assert.deepEqual(again.slice(0, 2), [1, 2])
  await settled(clock, producer.close())
})

test('a record without a sign of life is given up after the delivery timeout, and flush says so once', async () => {
  const { transport, clock, producer: make } = start()
  let isDown = true
  transport.on(produce, request => (isDown ? 'lost' : answerAll(request, () => 0)))
  const producer = make({ deliveryTimeoutMs: 500 })
  const startMs = clock.nowMs()
  producer.append('topic', 0, 0, null, value('lost'), [])
  await assert.rejects(settled(clock, producer.flush()), error => isEvertError(error, 'TIMEOUT'))
  const tookMs = clock.nowMs() - startMs
  assert.ok(tookMs >= 500 && tookMs < 3000, `${tookMs} ms`)
  isDown = false
  await settled(clock, producer.flush())
  const { offset } = await settled(
    clock,
    producer.send({ topic: 'topic', partition: 0, key: null, value: null }),
  )
  assert.equal(offset, 0, 'sequences start anew')
  await settled(clock, producer.close())
})

test('a commit whose answer is lost is asked for again, the same, until the answer is exact', async () => {
  const { transport, clock, producer: make } = start()
  transport.on(produce, request => answerAll(request, () => 0))
  const ends: [committed: boolean, epoch: number][] = []
  transport.on(endTxn, ({ committed, producerEpoch }) => {
    ends.push([committed, producerEpoch])
    if (ends.length === 1) return 'lost'
    const errorCode =
      [0, errorCodes.NOT_COORDINATOR, errorCodes.CONCURRENT_TRANSACTIONS, 0][ends.length - 1] ?? 0
    return { throttleTimeMs: 0, errorCode, producerId: 7, producerEpoch: producerEpoch + 1 }
  })
  const producer = make({ transactionalId: 'id' })
  await settled(clock, producer.init())
  producer.begin()
  producer.append('topic', 0, 0, null, value('a'), [])
  await settled(clock, producer.commit())
  assert.deepEqual(ends, [
    [true, 3],
    [true, 3],
    [true, 3],
    [true, 3],
  ])
  producer.begin()
  producer.append('topic', 0, 0, null, value('b'), [])
  await settled(clock, producer.commit())
  assert.deepEqual(ends.at(-1), [true, 4], 'the next transaction takes the epoch of the answer')
  await settled(clock, producer.close())
})

test('a transaction that wrote nothing asks nobody', async () => {
  const { transport, clock, producer: make } = start()
  transport.on(endTxn, () => assert.fail('nothing to end'))
  const producer = make({ transactionalId: 'id' })
  await settled(clock, producer.init())
  producer.begin()
  await settled(clock, producer.commit())
  producer.begin()
  await settled(clock, producer.abort())
  await settled(clock, producer.close())
})

test('fenced at the end of a transaction: commit, abort and begin say so, until init takes the id back', async () => {
  const { transport, clock, producer: make } = start()
  transport.on(produce, request => answerAll(request, () => 0))
  transport.on(endTxn, () => ({ throttleTimeMs: 0, errorCode: errorCodes.PRODUCER_FENCED }))
  const producer = make({ transactionalId: 'id' })
  await settled(clock, producer.init())
  producer.begin()
  producer.append('topic', 0, 0, null, value('a'), [])
  await assert.rejects(settled(clock, producer.commit()), ProducerFencedError)
  await assert.rejects(settled(clock, producer.abort()), ProducerFencedError)
  assert.throws(() => producer.begin(), ProducerFencedError)
  await settled(clock, producer.init())
  producer.begin()
  await settled(clock, producer.close())
})

test('a fenced streams member tells its owner, and rejoins with epoch 0 and its topology once all is let go', async () => {
  const { transport, clock, cluster } = start()
  type Heartbeat = RequestOf<typeof streamsGroupHeartbeat>
  const seen: Heartbeat[] = []
  const ok = (memberEpoch: number): ResponseInputOf<typeof streamsGroupHeartbeat> => ({
    throttleTimeMs: 0,
    errorCode: 0,
    memberId: 'm',
    memberEpoch,
    heartbeatIntervalMs: 100,
    acceptableRecoveryLag: 0,
    taskOffsetIntervalMs: 0,
    status: [],
    activeTasks: [{ subtopologyId: '0', partitions: [1, 0] }],
    standbyTasks: [],
    warmupTasks: [],
    endpointInformationEpoch: 0,
  })
  transport.on(streamsGroupHeartbeat, request => {
    seen.push(request)
    if (seen.length === 2) return { ...ok(0), errorCode: errorCodes.FENCED_MEMBER_EPOCH }
    if (seen.length === 4) return 'lost'
    return ok(request.memberEpoch === 0 ? seen.length : request.memberEpoch)
  })
  const events: string[] = []
  const both = [{ subtopologyId: '0', partitions: [0, 1] }]
  let active = both
  const member: StreamsMember = new StreamsMember(
    cluster,
    {
      onAssignment: assigned => {
        active = both
        events.push(`assigned ${JSON.stringify(assigned.active)}`)
      },
      onLost: () => {
        events.push('lost')
        clock.schedule(1_000, () => {
          events.push(`${seen.length} heartbeats, epoch ${member.memberEpoch}`)
          active = []
          member.acknowledge()
        })
      },
      onStatus: () => events.push('status'),
      onEndpoints: () => events.push('endpoints'),
      onFatal: error => events.push(error.message),
      owned: () => ({ active, standby: [], warmup: [] }),
    },
    { groupId: 'group', topology: { epoch: 0, subtopologies: [] }, processId: 'p', memberId: 'm' },
  )
  await settled(clock, member.start())
  while (seen.length < 6) {
    await nextTurn()
    clock.advance(10)
  }
  await settled(clock, member.close())
  const assigned = 'assigned [{"subtopologyId":"0","partitions":[1,0]}]'
  assert.deepEqual(events, [assigned, 'lost', '2 heartbeats, epoch 0', assigned])
  const summary = seen.map(({ memberEpoch, topology, activeTasks }) => [
    memberEpoch,
    topology !== null,
    activeTasks === null ? null : activeTasks.flatMap(({ partitions }) => partitions),
  ])
  assert.deepEqual(summary.slice(0, 6), [
    [0, true, []],
    [1, false, [0, 1]],
    [0, true, []],
    [3, false, [0, 1]],
    [3, false, [0, 1]],
    [3, false, null],
  ])
  assert.equal(seen.at(-1)?.memberEpoch, -1, 'it left')
})

test('a partition that is missing for a moment is waited for; beyond the timeout poll says so once, however busy the rest is', async () => {
  const { transport, clock, cluster } = start()
  let isMissing = (): boolean => clock.nowMs() < 1_000_400
  const batch = new RecordBatchBuilder({})
  batch.append(0, null, value('record'), [])
  transport.on(fetch, ({ topics }) => ({
    throttleTimeMs: 0,
    responses: topics.map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map(({ partition: partitionIndex, fetchOffset }) => {
        const answer = { partitionIndex, abortedTransactions: null, records: null }
        if (partitionIndex === 0 && isMissing()) {
          return { ...answer, errorCode: errorCodes.UNKNOWN_TOPIC_ID, highWatermark: -1 }
        }
        const records = batch.build()
        stampOffsets(records, fetchOffset, 0)
        return { ...answer, errorCode: 0, highWatermark: fetchOffset + 1, records }
      }),
    })),
  }))
  const fetcher = new Fetcher(cluster, { topicTimeoutMs: 500, partitionMaxBytes: 1 })
  fetcher.assign([0, 1].map(partition => ({ topic: 'topic', partition, offset: 0 })))
  const seen = new Set<number>()
  const pollUntil = async (isDone: () => boolean): Promise<void> => {
    while (!isDone()) for (const { partition } of await settled(clock, fetcher.poll())) seen.add(partition)
  }
  await pollUntil(() => seen.has(0))
  assert.ok(clock.nowMs() >= 1_000_400)

  isMissing = () => true
  const sinceMs = clock.nowMs()
  await assert.rejects(
    pollUntil(() => clock.nowMs() > sinceMs + 10_000),
    error => error instanceof KafkaError && error.topic === 'topic' && error.partition === 0,
  )
  const tookMs = clock.nowMs() - sinceMs
  assert.ok(tookMs >= 500 && tookMs < 2_000, `${tookMs} ms`)
  seen.clear()
  await pollUntil(() => clock.nowMs() > sinceMs + 10_000)
  assert.deepEqual([...seen], [1])
  await fetcher.close()
})
