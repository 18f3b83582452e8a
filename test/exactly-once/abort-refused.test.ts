import { silentLogger } from '../../src/streams/runtime/logger.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBroker } from '../../src/broker/broker.ts'
import { openMemoryStorage } from '../../src/broker/storage/storage.ts'
import { committedOffsets, createTopics } from '../../src/client/admin.ts'
import { type Cluster, clusterFromTransport, transportOptions } from '../../src/client/cluster.ts'
import { KafkaError } from '../../src/client/kafka-error.ts'
import { inProcessTransport } from '../../src/client/transport/in-process.ts'
import { openCommitter } from '../../src/streams/runtime/committer.ts'
import { errorCodes } from '../../src/wire/error-codes.ts'
import { endTxn } from '../../src/wire/messages/end-txn.ts'
import type { RequestHandler } from '../../src/wire/request-handler.ts'

/** A committer whose transactions end with the wanted error code, as long as there is one. */
async function opened() {
  const broker = await openBroker({ storage: await openMemoryStorage({}) })
  const refusal = { code: 0 }
  const handler: RequestHandler = {
    apiVersions: () => broker.apiVersions(),
    async handle(api, version, request, context) {
      if (api.key !== endTxn.key || refusal.code === 0) return broker.handle(api, version, request, context)
      return { errorCode: refusal.code, producerId: -1, producerEpoch: -1 } as never
    },
  }
  const cluster = clusterFromTransport(inProcessTransport(handler, transportOptions()))
  await createTopics(cluster, [{ name: 'in', partitions: 1 }])
  const committer = openCommitter('exactly_once', {
    cluster,
    group: () => ({ groupId: 'g' }),
    transactionalId: 't',
    logger: silentLogger,
    topicTimeoutMs: 1_000,
  })
  await committer.start()
  return {
    cluster,
    committer,
    refusal,
    async [Symbol.asyncDispose]() {
      await committer.abandon()
      await cluster.close()
      await broker.close()
    },
  }
}

const offset = (value: number) => ({ topic: 'in', partition: 0, offset: value })

async function assertCommitted(cluster: Cluster, value: number): Promise<void> {
  const [committed] = await committedOffsets(cluster, { groupId: 'g' }, [{ topic: 'in', partition: 0 }])
  assert.equal(committed?.offset, value)
}

function refusedWith(code: number): (error: unknown) => boolean {
  return error => error instanceof KafkaError && error.errorCode === code
}

test('an abort that is refused for a reason of no transaction says so, and is possible later', async () => {
  await using fixture = await opened()
  const { committer, refusal, cluster } = fixture
  refusal.code = errorCodes.UNKNOWN_SERVER_ERROR
  await assert.rejects(committer.commit([offset(1)]), refusedWith(refusal.code))
  await assert.rejects(committer.abort(), refusedWith(refusal.code))
  refusal.code = 0
  await committer.abort()
  await committer.commit([offset(2)])
  await assertCommitted(cluster, 2)
})

for (const name of ['PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH', 'INVALID_TXN_STATE'] as const) {
  test(`a transaction whose abort is refused with ${name} is ended by taking the id anew`, async () => {
    await using fixture = await opened()
    const { committer, refusal, cluster } = fixture
    refusal.code = errorCodes[name]
    await assert.rejects(committer.commit([offset(1)]), refusedWith(refusal.code))
    await committer.abort()
    refusal.code = 0
    await committer.commit([offset(2)])
    await assertCommitted(cluster, 2)
  })
}
