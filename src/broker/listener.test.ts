import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import { seededRandom } from '../internal/random.ts'
import { isEvertError } from '../errors.ts'
import { errorCodes } from '../wire/error-codes.ts'
import type { Fields, Message, MessageInput } from '../wire/field.ts'
import { decodeCorrelationId, decodeResponse, encodeRequest } from '../wire/frame.ts'
import type { Api } from '../wire/message.ts'
import { apiVersions } from '../wire/messages/api-versions.ts'
import { createTopics } from '../wire/messages/create-topics.ts'
import { fetch } from '../wire/messages/fetch.ts'
import { initProducerId } from '../wire/messages/init-producer-id.ts'
import { metadata } from '../wire/messages/metadata.ts'
import { produce } from '../wire/messages/produce.ts'
import { streamsGroupHeartbeat } from '../wire/messages/streams-group-heartbeat.ts'
import { txnOffsetCommit } from '../wire/messages/txn-offset-commit.ts'
import { Reader } from '../wire/reader.ts'
import { openBroker } from './broker.ts'
import { FrameReader } from './frame-reader.ts'
import type { ListenerOptions } from './listener.ts'
import { openMemoryStorage } from './storage/storage.ts'
import { recordBatch, TestClient } from './test-client.ts'

async function opened(listener: ListenerOptions = {}) {
  const broker = await openBroker({ storage: await openMemoryStorage(), listener })
  const sockets: Socket[] = []
  return {
    broker,
    async connect(): Promise<Socket> {
      const socket = connect(broker.address)
      // Ends are looked at through `close`.
      socket.on('error', () => {})
      sockets.push(socket)
      await once(socket, 'connect')
      return socket
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await broker.close()
    },
  }
}

/** Reads answers one after the other. */
class Wire {
  readonly socket: Socket
  readonly #frames = new FrameReader(2 ** 30)
  #wake: () => void = () => {}

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#frames.push(chunk)
      this.#wake()
    })
  }

  write<Req extends Fields>(
    api: Api<Req>,
    version: number,
    correlationId: number,
    request: MessageInput<Req>,
  ) {
    for (const chunk of encodeRequest(api, version, correlationId, 'test', request)) this.socket.write(chunk)
  }

  async read<Res extends Fields>(api: Api<Fields, Res>, version: number): Promise<[number, Message<Res>]> {
    for (;;) {
      const frame = this.#frames.next()
      if (frame === undefined) {
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
        continue
      }
      const reader = new Reader(frame)
      return [decodeCorrelationId(reader), decodeResponse(api, version, reader)]
    }
  }
}

async function closed(socket: Socket): Promise<void> {
  socket.resume()
  if (!socket.closed) await once(socket, 'close')
}

/** The broker still answers on a new connection. */
async function assertAlive(fixture: Awaited<ReturnType<typeof opened>>): Promise<void> {
  const wire = new Wire(await fixture.connect())
  wire.write(apiVersions, 4, 77, {})
  const [correlationId, { errorCode }] = await wire.read(apiVersions, 4)
  assert.deepEqual([correlationId, errorCode], [77, 0])
  wire.socket.destroy()
}

describe('the listener', () => {
  test('answers pipelined requests in their order', async () => {
    await using fixture = await opened()
    const wire = new Wire(await fixture.connect())
    wire.write(createTopics, 7, 1, {
      topics: [{ name: 'a', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
    })
    for (let id = 2; id < 50; id++) wire.write(metadata, 12, id, { topics: [{ name: 'a' }] })
    assert.equal((await wire.read(createTopics, 7))[0], 1)
    for (let id = 2; id < 50; id++) {
      const [correlationId, answer] = await wire.read(metadata, 12)
      assert.deepEqual([correlationId, answer.topics[0]?.errorCode], [id, 0])
    }
  })

  test('takes requests byte by byte', async () => {
    await using fixture = await opened()
    const wire = new Wire(await fixture.connect())
    wire.socket.setNoDelay(true)
    const bytes = Buffer.concat(encodeRequest(metadata, 12, 5, 'test', { topics: null }))
    for (const byte of bytes) {
      await new Promise(resolve => wire.socket.write(Buffer.from([byte]), resolve))
    }
    const [correlationId, answer] = await wire.read(metadata, 12)
    assert.equal(correlationId, 5)
    assert.deepEqual(
      [answer.brokers[0]?.host, answer.brokers[0]?.port],
      Object.values(fixture.broker.address),
    )
  })

  test('answers an ApiVersions request of the future as v0 with error 35', async () => {
    await using fixture = await opened()
    const wire = new Wire(await fixture.connect())
    const request = Buffer.concat(encodeRequest(apiVersions, 4, 9, 'test', {}))
    request.writeInt16BE(9, 6)
    wire.socket.write(request)
    const [correlationId, answer] = await wire.read(apiVersions, 0)
    assert.equal(correlationId, 9)
    assert.equal(answer.errorCode, errorCodes.UNSUPPORTED_VERSION)
    assert.ok(answer.apiKeys.some(({ apiKey }) => apiKey === apiVersions.key))
  })

  test('sends no answer to a produce request with acks 0', async () => {
    await using fixture = await opened()
    await new TestClient(fixture.broker).createTopic('a')
    const wire = new Wire(await fixture.connect())
    wire.write(produce, 9, 1, {
      acks: 0,
      timeoutMs: 0,
      topicData: [{ name: 'a', partitionData: [{ index: 0, records: recordBatch(['x']) }] }],
    })
    wire.write(apiVersions, 4, 2, {})
    assert.equal((await wire.read(apiVersions, 4))[0], 2)
    assert.deepEqual(await new TestClient(fixture.broker).committedValues('a'), ['x'])
  })

  test('lets a long poll of one connection wait without holding up another', async () => {
    await using fixture = await opened()
    const client = new TestClient(fixture.broker)
    await client.createTopic('a')
    const wire = new Wire(await fixture.connect())
    wire.write(fetch, 12, 1, {
      maxWaitMs: 60_000,
      minBytes: 1,
      topics: [{ topic: 'a', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
    })
    await assertAlive(fixture)
    await client.produce('a', ['x'])
    const [, answer] = await wire.read(fetch, 12)
    assert.ok((answer.responses[0]?.partitions[0]?.records?.length ?? 0) > 0)
  })

  test('gives a reader everything in spite of a slow start', async () => {
    await using fixture = await opened()
    const client = new TestClient(fixture.broker)
    await client.createTopic('a')
    await client.produce('a', ['x'.repeat(900_000)])
    const wire = new Wire(await fixture.connect())
    wire.socket.pause()
    const asked = 40
    for (let id = 0; id < asked; id++) {
      wire.write(fetch, 12, id, {
        maxWaitMs: 0,
        minBytes: 1,
        topics: [
          { topic: 'a', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }] },
        ],
      })
    }
    await assertAlive(fixture)
    wire.socket.resume()
    for (let id = 0; id < asked; id++) {
      const [correlationId, answer] = await wire.read(fetch, 12)
      assert.equal(correlationId, id)
      assert.ok((answer.responses[0]?.partitions[0]?.records?.length ?? 0) > 900_000)
    }
  })

  test('closes what is one connection too many', async () => {
    await using fixture = await opened({ maxConnections: 2 })
    await fixture.connect()
    const second = await fixture.connect()
    await closed(await fixture.connect())
    second.destroy()
    await once(second, 'close')
    for (;;) {
      // The broker learns of the end a moment later than we do.
      const wire = new Wire(await fixture.connect())
      wire.write(apiVersions, 4, 1, {})
      const outcome = await Promise.race([wire.read(apiVersions, 4), once(wire.socket, 'close')])
      if (Array.isArray(outcome) && outcome[0] === 1) break
    }
  })

  test('answers what it has begun before it closes', async () => {
    await using fixture = await opened()
    const client = new TestClient(fixture.broker)
    await client.createTopic('a')
    const wire = new Wire(await fixture.connect())
    wire.write(fetch, 12, 1, {
      maxWaitMs: 60_000,
      minBytes: 1,
      topics: [{ topic: 'a', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
    })
    await assertAlive(fixture)
    const answered = wire.read(fetch, 12)
    await fixture.broker.close()
    assert.equal((await answered)[0], 1)
    await closed(wire.socket)
  })

  test('says which address it cannot have', async () => {
    await using fixture = await opened()
    const { port } = fixture.broker.address
    const storage = await openMemoryStorage()
    await assert.rejects(
      openBroker({ storage, listener: { port } }),
      error => isEvertError(error, 'CONNECTION') && error.message.includes(`127.0.0.1:${port}`),
    )
  })
})

describe('bytes that are no request', () => {
  const tlsHello = Buffer.from('16030100c8010000c40303', 'hex')
  const cases: { it: string; bytes: Buffer }[] = [
    { it: 'a TLS hello', bytes: Buffer.concat([tlsHello, Buffer.alloc(200)]) },
    { it: 'an HTTP request', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n') },
    { it: 'a negative length', bytes: Buffer.from('ffffffff', 'hex') },
    { it: 'a length beyond the limit', bytes: Buffer.from('06400001', 'hex') },
    { it: 'an empty frame', bytes: Buffer.from('00000000', 'hex') },
    { it: 'an unknown API key', bytes: Buffer.from('0000000a7fff000000000001ffff', 'hex') },
    { it: 'an unknown version', bytes: Buffer.from('0000000a0003007f00000001ffff', 'hex') },
    {
      it: 'an array that claims 2^31 - 1 elements',
      bytes: Buffer.from('0000000e0003000000000001ffff7fffffff', 'hex'),
    },
  ]
  for (const { it, bytes } of cases) {
    test(`end the connection that sent them: ${it}`, async () => {
      await using fixture = await opened()
      const socket = await fixture.connect()
      socket.write(bytes)
      await closed(socket)
      await assertAlive(fixture)
    })
  }

  test('of which a large frame is only claimed take no memory', async () => {
    await using fixture = await opened()
    const before = process.memoryUsage().arrayBuffers
    for (let n = 0; n < 50; n++) {
      const socket = await fixture.connect()
      socket.write(Buffer.from('06000000', 'hex'))
    }
    await assertAlive(fixture)
    assert.ok(process.memoryUsage().arrayBuffers - before < 50 * 1024 * 1024)
  })

  test('end connections only, however they are damaged', async () => {
    const seed = Number(process.env.EVERT_SEED ?? Math.floor(Math.random() * 2 ** 31))
    const random = seededRandom(seed)
    await using fixture = await opened()
    await new TestClient(fixture.broker).createTopic('a')
    const warnings: Error[] = []
    const onWarning = (warning: Error): void => void warnings.push(warning)
    process.on('warning', onWarning)
    const whole = requests()
    for (let round = 0; round < 60 * whole.length; round++) {
      const socket = await fixture.connect()
      const bytes = damaged(whole[round % whole.length] as Buffer, random)
      socket.end(bytes)
      await closed(socket)
    }
    await assertAlive(fixture)
    process.off('warning', onWarning)
    assert.deepEqual(warnings, [], `EVERT_SEED=${seed}`)
  })
})

function requests(): Buffer[] {
  const topics = [{ topic: 'a', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }]
  return [
    encodeRequest(apiVersions, 4, 1, 'test', { clientSoftwareName: 'x', clientSoftwareVersion: '1' }),
    encodeRequest(metadata, 12, 1, 'test', { topics: [{ name: 'a' }] }),
    encodeRequest(metadata, 4, 1, 'test', { topics: [{ name: 'a' }] }),
    encodeRequest(fetch, 12, 1, 'test', { maxWaitMs: 0, minBytes: 0, topics }),
    encodeRequest(produce, 9, 1, 'test', {
      acks: -1,
      timeoutMs: 0,
      topicData: [{ name: 'a', partitionData: [{ index: 0, records: recordBatch(['x', 'y']) }] }],
    }),
    encodeRequest(createTopics, 7, 1, 'test', {
      topics: [{ name: 'b', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
    }),
    encodeRequest(streamsGroupHeartbeat, 0, 1, 'test', {
      groupId: 'g',
      memberId: 'm',
      memberEpoch: 0,
      endpointInformationEpoch: 0,
      rebalanceTimeoutMs: 1000,
      processId: 'p',
      activeTasks: [],
      standbyTasks: [],
      warmupTasks: [],
      topology: {
        epoch: 0,
        subtopologies: [
          {
            subtopologyId: '0',
            sourceTopics: ['a'],
            sourceTopicRegex: [],
            stateChangelogTopics: [{ name: 'c', partitions: 0, replicationFactor: 1, topicConfigs: [] }],
            repartitionSinkTopics: [],
            repartitionSourceTopics: [],
            copartitionGroups: [{ sourceTopics: [0], sourceTopicRegex: [], repartitionSourceTopics: [] }],
          },
        ],
      },
    }),
    encodeRequest(txnOffsetCommit, 5, 1, 'test', {
      transactionalId: 't',
      groupId: 'g',
      producerId: 1,
      producerEpoch: 0,
      topics: [
        { name: 'a', partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: 'm' }] },
      ],
    }),
    encodeRequest(initProducerId, 5, 1, 'test', { transactionalId: 't', transactionTimeoutMs: 1000 }),
  ].map(chunks => Buffer.concat(chunks))
}

/** A request with some bytes changed, cut short, or its length changed. */
function damaged(request: Buffer, random: () => number): Buffer {
  const bytes = Buffer.from(request)
  const changes = Math.floor(random() * 4)
  for (let change = 0; change < changes; change++) {
    bytes[4 + Math.floor(random() * (bytes.length - 4))] = Math.floor(random() * 256)
  }
  const cut = bytes.subarray(0, 5 + Math.floor(random() * (bytes.length - 4)))
  if (random() < 0.5) cut.writeInt32BE(cut.length - 4)
  return cut
}
