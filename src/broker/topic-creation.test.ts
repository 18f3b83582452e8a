import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCodes } from '../wire/error-codes.ts'
import { createTopics } from '../wire/messages/create-topics.ts'
import { openBroker } from './broker.ts'
import { openMemoryStorage } from './storage/storage.ts'

test('of several requests for one topic at once, one makes it and the others find it', async () => {
  const broker = await openBroker({ storage: await openMemoryStorage({}) })
  const request = createTopics.request.complete({
    topics: [{ name: 'orders', numPartitions: 3, replicationFactor: -1, assignments: [], configs: [] }],
    timeoutMs: 1000,
  })
  const context = { clientId: 'test', peer: 'in-process', signal: new AbortController().signal }
  const answers = await Promise.all(
    Array.from({ length: 4 }, () => broker.handle(createTopics, 7, request, context)),
  )
  assert.deepEqual(
    answers.map(({ topics }) => topics[0]?.errorCode),
    [0, ...Array.from({ length: 3 }, () => errorCodes.TOPIC_ALREADY_EXISTS)],
  )
  await broker.close()
})
