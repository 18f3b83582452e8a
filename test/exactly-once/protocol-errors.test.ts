import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBroker } from '../../src/broker/broker.ts'
import { openMemoryStorage } from '../../src/broker/storage/storage.ts'
import { createTopics } from '../../src/client/admin.ts'
import { clusterFromTransport, transportOptions } from '../../src/client/cluster.ts'
import { Producer } from '../../src/client/producer.ts'
import { inProcessTransport } from '../../src/client/transport/in-process.ts'
import { type Application, startApplication } from '../../src/streams/runtime/application.ts'
import type { Guarantee } from '../../src/streams/runtime/committer.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import { errorCodes } from '../../src/wire/error-codes.ts'
import type { RequestHandler } from '../../src/wire/request-handler.ts'
import { committedCounts, counts, countingTopology, upTo, words } from './counting.ts'

type Code = keyof typeof errorCodes

interface Case {
  readonly api: string
  readonly code: Code
  /** The broker acts on the request before it gives the error; default false. */
  readonly isDone?: boolean
  /** What comes of it. `counted`: everything is counted once. `failed`: the application ends, and its error names the code. */
  readonly outcome: 'counted' | 'failed'
  /** Default `exactly_once`. Under the other everything is counted, some of it perhaps twice. */
  readonly guarantee?: Guarantee
}

const RETRIED: readonly Code[] = [
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
]

const cases: readonly Case[] = [
  ...RETRIED.flatMap(code =>
    ['StreamsGroupHeartbeat', 'InitProducerId', 'TxnOffsetCommit', 'EndTxn', 'OffsetFetch'].map(
      (api): Case => ({ api, code, outcome: 'counted' }),
    ),
  ),
  // Retry.
  { api: 'InitProducerId', code: 'CONCURRENT_TRANSACTIONS', outcome: 'counted' },
  { api: 'EndTxn', code: 'CONCURRENT_TRANSACTIONS', outcome: 'counted' },
  { api: 'TxnOffsetCommit', code: 'REQUEST_TIMED_OUT', outcome: 'counted' },
  { api: 'TxnOffsetCommit', code: 'NOT_ENOUGH_REPLICAS', outcome: 'counted' },
  { api: 'OffsetFetch', code: 'UNSTABLE_OFFSET_COMMIT', outcome: 'counted' },
  { api: 'Produce', code: 'NOT_LEADER_OR_FOLLOWER', outcome: 'counted' },
  { api: 'Produce', code: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', isDone: true, outcome: 'counted' },
  { api: 'Produce', code: 'REQUEST_TIMED_OUT', isDone: true, outcome: 'counted' },
  { api: 'Fetch', code: 'NOT_LEADER_OR_FOLLOWER', outcome: 'counted' },
  { api: 'Fetch', code: 'KAFKA_STORAGE_ERROR', outcome: 'counted' },
  { api: 'ListOffsets', code: 'LEADER_NOT_AVAILABLE', outcome: 'counted' },
  // The outcome of the commit is not known until it is asked for again.
  { api: 'EndTxn', code: 'REQUEST_TIMED_OUT', isDone: true, outcome: 'counted' },
  { api: 'EndTxn', code: 'KAFKA_STORAGE_ERROR', isDone: true, outcome: 'counted' },
  { api: 'EndTxn', code: 'INVALID_TXN_STATE', isDone: true, outcome: 'counted' },
  // The tasks, or the transaction, are somebody else's: what is not committed is dropped, and made again.
  { api: 'StreamsGroupHeartbeat', code: 'FENCED_MEMBER_EPOCH', outcome: 'counted' },
  { api: 'StreamsGroupHeartbeat', code: 'UNKNOWN_MEMBER_ID', outcome: 'counted' },
  { api: 'TxnOffsetCommit', code: 'ILLEGAL_GENERATION', outcome: 'counted' },
  { api: 'TxnOffsetCommit', code: 'UNKNOWN_MEMBER_ID', outcome: 'counted' },
  { api: 'TxnOffsetCommit', code: 'STALE_MEMBER_EPOCH', outcome: 'counted' },
  { api: 'TxnOffsetCommit', code: 'FENCED_MEMBER_EPOCH', outcome: 'counted' },
  { api: 'TxnOffsetCommit', code: 'TRANSACTION_ABORTABLE', outcome: 'counted' },
  { api: 'TxnOffsetCommit', code: 'INVALID_PRODUCER_EPOCH', outcome: 'counted' },
  { api: 'TxnOffsetCommit', code: 'PRODUCER_FENCED', outcome: 'counted' },
  { api: 'EndTxn', code: 'INVALID_PRODUCER_EPOCH', outcome: 'counted' },
  { api: 'EndTxn', code: 'PRODUCER_FENCED', outcome: 'counted' },
  { api: 'EndTxn', code: 'INVALID_PRODUCER_ID_MAPPING', outcome: 'counted' },
  { api: 'EndTxn', code: 'TRANSACTION_ABORTABLE', outcome: 'counted' },
  { api: 'Produce', code: 'INVALID_PRODUCER_EPOCH', outcome: 'counted' },
  { api: 'Produce', code: 'PRODUCER_FENCED', outcome: 'counted' },
  { api: 'Produce', code: 'INVALID_TXN_STATE', outcome: 'counted' },
  { api: 'Produce', code: 'OUT_OF_ORDER_SEQUENCE_NUMBER', outcome: 'counted' },
  { api: 'Produce', code: 'TRANSACTION_ABORTABLE', outcome: 'counted' },
  // Without transactions.
  ...(
    [
      ...RETRIED,
      'REQUEST_TIMED_OUT',
      'ILLEGAL_GENERATION',
      'STALE_MEMBER_EPOCH',
      'UNKNOWN_MEMBER_ID',
      'REBALANCE_IN_PROGRESS',
    ] as const
  ).map((code): Case => ({ api: 'OffsetCommit', code, outcome: 'counted', guarantee: 'at_least_once' })),
  { api: 'Produce', code: 'OUT_OF_ORDER_SEQUENCE_NUMBER', outcome: 'counted', guarantee: 'at_least_once' },
  { api: 'Produce', code: 'UNKNOWN_PRODUCER_ID', outcome: 'counted', guarantee: 'at_least_once' },
  { api: 'Produce', code: 'INVALID_PRODUCER_EPOCH', outcome: 'counted', guarantee: 'at_least_once' },
  {
    api: 'OffsetCommit',
    code: 'GROUP_AUTHORIZATION_FAILED',
    outcome: 'failed',
    guarantee: 'at_least_once',
  },
  // Nothing here gets past these.
  { api: 'StreamsGroupHeartbeat', code: 'GROUP_AUTHORIZATION_FAILED', outcome: 'failed' },
  { api: 'StreamsGroupHeartbeat', code: 'GROUP_MAX_SIZE_REACHED', outcome: 'failed' },
  { api: 'StreamsGroupHeartbeat', code: 'STREAMS_INVALID_TOPOLOGY', outcome: 'failed' },
  { api: 'StreamsGroupHeartbeat', code: 'STREAMS_TOPOLOGY_FENCED', outcome: 'failed' },
  { api: 'InitProducerId', code: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', outcome: 'failed' },
  { api: 'TxnOffsetCommit', code: 'GROUP_AUTHORIZATION_FAILED', outcome: 'failed' },
  { api: 'TxnOffsetCommit', code: 'OFFSET_METADATA_TOO_LARGE', outcome: 'failed' },
  { api: 'EndTxn', code: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', outcome: 'failed' },
  { api: 'Produce', code: 'TOPIC_AUTHORIZATION_FAILED', outcome: 'failed' },
  { api: 'OffsetFetch', code: 'GROUP_AUTHORIZATION_FAILED', outcome: 'failed' },
]

const RECORDS = 600
const WORDS = 20

/** Asked for before any record is processed; everything else is refused in the middle of the work. */
const OF_THE_START = new Set(['InitProducerId', 'OffsetFetch', 'ListOffsets'])

for (const { api, code, isDone = false, outcome, guarantee = 'exactly_once' } of cases) {
  const name = `${code} from ${api}${isDone ? ', which was done,' : ''}`
  test(`${name} ${outcome === 'counted' ? 'is got over' : 'ends the application'}`, {
    timeout: 30_000,
  }, async () => {
    await using run = await open(guarantee)
    if (OF_THE_START.has(api)) run.refuseOnce(api, errorCodes[code], isDone)
    if (api === 'InitProducerId' && outcome === 'failed') {
      await assert.rejects(run.start(), new RegExp(code))
      return
    }
    const application = await run.start()
    const writing = run.write()
    if (!OF_THE_START.has(api)) {
      await run.untilCounted(20)
      run.refuseOnce(api, errorCodes[code], isDone)
    }
    await writing
    if (outcome === 'failed') {
      await application.whenEnded()
      assert.equal(application.state, 'ERROR')
      assert.match(application.failure?.message ?? '', new RegExp(code))
      return
    }
    await run.untilCounted(RECORDS)
    // Without transactions, counts are seen before the commit that is refused.
    while (run.refused === 0) await new Promise(resolve => setTimeout(resolve, 5))
    await run.untilCounted(RECORDS)
    const found = await committedCounts(run.cluster)
    for (const counts of found.values()) {
      if (guarantee === 'exactly_once') assert.deepEqual(counts, upTo(RECORDS / WORDS))
      else assert.ok(Math.max(...counts) >= RECORDS / WORDS, String(counts))
    }
    assert.equal(application.failure, undefined)
  })
}

async function open(guarantee: Guarantee) {
  const broker = await openBroker({ storage: await openMemoryStorage({}), heartbeatIntervalMs: 20 })
  let refusal: { readonly api: string; readonly code: number; readonly isDone: boolean } | undefined
  let refused = 0
  const handler: RequestHandler = {
    apiVersions: () => broker.apiVersions(),
    async handle(api, version, request, context) {
      if (refusal?.api !== api.name) return broker.handle(api, version, request, context)
      const taken = refusal
      refusal = undefined
      const { code, isDone } = taken
      const form = isDone ? undefined : formOf(api.name, request)
      const answer = form ?? (await broker.handle(api, version, request, context))
      const withCode = coded(answer, code)
      if (withCode === undefined) {
        refusal = taken
        return answer as never
      }
      refused++
      return withCode as never
    },
  }
  const cluster = clusterFromTransport(inProcessTransport(broker, transportOptions()))
  const faulty = clusterFromTransport(inProcessTransport(handler, transportOptions()), {
    retryBackoffMs: 5,
    retryBackoffMaxMs: 20,
  })
  await createTopics(cluster, [
    { name: words.name, partitions: 3 },
    { name: counts.name, partitions: 2 },
  ])
  let application: Application | undefined
  return {
    cluster,
    async start(): Promise<Application> {
      application = await startApplication({
        topology: countingTopology('counting'),
        cluster: faulty,
        engine: new MemoryEngine(),
        commitIntervalMs: 5,
        guarantee,
      })
      return application
    },
    async write(): Promise<void> {
      await using producer = new Producer(cluster)
      for (let i = 0; i < RECORDS; i++) {
        const value = Buffer.from(`word-${i % WORDS}`)
        await producer.send({ topic: words.name, key: Buffer.from(`k${i}`), value })
      }
    },
    async untilCounted(count: number): Promise<void> {
      for (;;) {
        const found = await committedCounts(cluster)
        if ([...found.values()].reduce((sum, list) => sum + Math.max(...list), 0) >= count) return
        if (application?.failure !== undefined) throw application.failure
        await new Promise(resolve => setTimeout(resolve, 5))
      }
    },
    refuseOnce(api: string, code: number, isDone: boolean): void {
      refusal = { api, code, isDone }
    },
    get refused(): number {
      return refused
    },
    async [Symbol.asyncDispose]() {
      await application?.abandon()
      await faulty.close()
      await cluster.close()
      await broker.close()
    },
  }
}

/** An answer to a request that was not done; undefined for requests that do nothing. */
function formOf(api: string, request: object): object | undefined {
  const { topics = [], topicData = [] } = request as { topics?: Named[]; topicData?: Named[] }
  switch (api) {
    case 'StreamsGroupHeartbeat':
      return { errorCode: 0, errorMessage: null }
    case 'InitProducerId':
    case 'EndTxn':
      return { errorCode: 0, producerId: -1, producerEpoch: -1 }
    case 'OffsetCommit':
    case 'TxnOffsetCommit':
      return {
        topics: topics.map(({ name, partitions }) => ({
          name,
          partitions: partitions?.map(({ partitionIndex }) => ({ partitionIndex, errorCode: 0 })),
        })),
      }
    case 'Produce':
      return {
        responses: topicData.map(({ name, topicId, partitionData }) => ({
          name,
          topicId,
          partitionResponses: partitionData?.map(({ index }) => ({
            index,
            errorCode: 0,
            errorMessage: null,
            baseOffset: -1,
          })),
        })),
      }
    default:
      return undefined
  }
}

interface Named {
  readonly name: string
  readonly topicId?: string
  readonly partitions?: readonly { readonly partitionIndex: number }[]
  readonly partitionData?: readonly { readonly index: number }[]
}

/** The answer with the code where it speaks of single partitions, or else as a whole; undefined where it has no place. */
function coded(answer: object, code: number): object | undefined {
  let isSet = false
  const parts = Object.entries(answer).map(([field, value]) => {
    if (!Array.isArray(value)) return [field, value] as const
    const list = value.map((part: unknown) => {
      const withCode = typeof part === 'object' && part !== null ? coded(part, code) : undefined
      isSet ||= withCode !== undefined
      return withCode ?? part
    })
    return [field, list] as const
  })
  if (isSet) return Object.fromEntries(parts)
  return 'errorCode' in answer ? { ...answer, errorCode: code } : undefined
}
