import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCluster } from '../../src/app/open-cluster.ts'
import { createTopics, deleteTopics } from '../../src/client/admin.ts'
import { KafkaError } from '../../src/client/kafka-error.ts'
import { Producer } from '../../src/client/producer.ts'
import { startApplication } from '../../src/streams/runtime/application.ts'
import { silentLogger } from '../../src/streams/runtime/logger.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import { committedCounts, counts, countingTopology, words } from '../exactly-once/counting.ts'

for (const [what, commitIntervalMs] of [
  ['at rest', 10],
  ['with records that are not committed', 60_000],
] as const) {
  test(`an application ${what} whose input is deleted ends with an error that names it`, async () => {
    await using cluster = await openCluster('memory:deleted-input')
    await createTopics(cluster, [{ name: words.name, partitions: 3 }])
    await using application = await startApplication({
      topology: countingTopology('counting'),
      cluster,
      engine: new MemoryEngine(),
      commitIntervalMs,
      topicTimeoutMs: 300,
    })
    await application.whenRunning()
    await using producer = new Producer(cluster)
    await producer.send({ topic: words.name, key: null, value: Buffer.from('word') })
    const read = () => application.tasks().some(({ buffered, streamTime }) => buffered > 0 || streamTime >= 0)
    while (!read()) await new Promise(resolve => setTimeout(resolve, 5))
    if (commitIntervalMs === 10) {
      while ((await committedCounts(cluster)).size === 0) await new Promise(resolve => setTimeout(resolve, 5))
    }
    await deleteTopics(cluster, [words.name])
    await application.whenEnded()
    const { state, failure } = application
    assert.equal(state, 'ERROR')
    assert.ok(failure instanceof KafkaError)
    assert.match(failure.message, /words.*UNKNOWN_TOPIC_OR_PARTITION/)
    assert.equal(failure.retryable, false)
  })
}

for (const [what, topic] of [
  ['an output', counts.name],
  ['a changelog', 'counting-counted-changelog'],
] as const) {
  for (const guarantee of ['exactly_once', 'at_least_once'] as const) {
    test(`${what} that is deleted ends the application with its name, ${guarantee}`, {
      timeout: 30_000,
    }, async () => {
      await using cluster = await openCluster(`memory:deleted-${topic}-${guarantee}`)
      await createTopics(cluster, [{ name: words.name, partitions: 3 }])
      const warnings: string[] = []
      await using application = await startApplication({
        topology: countingTopology('counting'),
        cluster,
        engine: new MemoryEngine(),
        commitIntervalMs: 10,
        topicTimeoutMs: 300,
        guarantee,
        logger: { ...silentLogger, warn: message => warnings.push(message) },
      })
      await application.whenRunning()
      await using producer = new Producer(cluster)
      const send = () => producer.send({ topic: words.name, key: null, value: Buffer.from('word') })
      await send()
      while ((await committedCounts(cluster)).size === 0) await new Promise(resolve => setTimeout(resolve, 5))
      await deleteTopics(cluster, [topic])
      await send()
      await application.whenEnded()
      const { state, failure } = application
      assert.equal(state, 'ERROR')
      assert.ok(failure instanceof KafkaError, String(failure))
      assert.match(
        failure.message,
        new RegExp(`The topic "${topic}" (does not exist|was deleted and made again)`),
      )
      assert.equal(failure.retryable, false)
      // The group makes its own topics again, sooner or later; nor need one have been written to before.
      const wasWritten = failure.message.includes('does not exist any more')
      assert.ok(!wasWritten || warnings.some(message => message.includes(`"${topic}"`)), warnings.join())
    })
  }
}
