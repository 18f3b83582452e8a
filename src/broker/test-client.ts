import { RecordBatchBuilder } from '../records/record-batch-builder.ts'
import { batchesIn } from '../records/record-batch.ts'
import type { Fields, Message, MessageInput } from '../wire/field.ts'
import type { Api, Codec } from '../wire/message.ts'
import { createTopics } from '../wire/messages/create-topics.ts'
import { endTxn } from '../wire/messages/end-txn.ts'
import { fetch } from '../wire/messages/fetch.ts'
import { initProducerId } from '../wire/messages/init-producer-id.ts'
import { produce } from '../wire/messages/produce.ts'
import { Reader } from '../wire/reader.ts'
import type { RequestHandler } from '../wire/request-handler.ts'
import { Writer } from '../wire/writer.ts'

export interface Identity {
  readonly producerId: number
  readonly producerEpoch: number
}

interface Batch extends Partial<Identity> {
  readonly transactionalId?: string
  readonly sequence?: number
  readonly partition?: number
  /** Default: the newest version that names topics. */
  readonly version?: number
}

/**
 * Talks to a broker in process, but through the bytes of the version asked for, both ways: what a field of that
 * version cannot carry fails here as it would on a connection.
 */
export class TestClient {
  readonly #broker: RequestHandler
  readonly #peer: string
  readonly gone = new AbortController()

  constructor(broker: RequestHandler, peer = 'in-process') {
    this.#broker = broker
    this.#peer = peer
  }

  async send<Req extends Fields, Res extends Fields>(
    api: Api<Req, Res>,
    version: number,
    request: MessageInput<Req>,
  ): Promise<Message<Res>> {
    const context = { clientId: 'test', peer: this.#peer, signal: this.gone.signal }
    const decoded = throughBytes(api.request, version, request)
    const answer = await this.#broker.handle(api, version, decoded, context)
    return throughBytes(api.response, version, answer)
  }

  async createTopic(name: string, numPartitions = 1, configs: { name: string; value: string }[] = []) {
    const { topics } = await this.send(createTopics, 7, {
      topics: [{ name, numPartitions, replicationFactor: -1, assignments: [], configs }],
    })
    return topics[0] as (typeof topics)[number]
  }

  /** Produces one batch of string values; the partition's answer. */
  async produce(topic: string, values: readonly string[], batch: Batch = {}) {
    const { transactionalId = null, partition = 0, version = 12 } = batch
    const { responses } = await this.send(produce, version, {
      transactionalId,
      acks: -1,
      timeoutMs: 1000,
      topicData: [
        { name: topic, partitionData: [{ index: partition, records: recordBatch(values, batch) }] },
      ],
    })
    return responses[0]?.partitionResponses[0] as (typeof responses)[number]['partitionResponses'][number]
  }

  async fetchPartition(
    topic: string,
    options: {
      partition?: number
      offset?: number
      committed?: boolean
      maxBytes?: number
      maxWaitMs?: number
    } = {},
  ) {
    const { partition = 0, offset = 0, committed = false, maxBytes = 1_000_000, maxWaitMs = 0 } = options
    const { responses } = await this.send(fetch, 12, {
      maxWaitMs,
      minBytes: 1,
      isolationLevel: committed ? 1 : 0,
      topics: [{ topic, partitions: [{ partition, fetchOffset: offset, partitionMaxBytes: maxBytes }] }],
    })
    return responses[0]?.partitions[0] as (typeof responses)[number]['partitions'][number]
  }

  /** Every value that a reader of committed records gets, filtered as KIP-98 says. */
  async committedValues(topic: string, partition = 0): Promise<string[]> {
    const values: string[] = []
    for (let offset = 0; ; ) {
      const answer = await this.fetchPartition(topic, { partition, offset, committed: true })
      const batches = [...batchesIn(answer.records ?? Buffer.alloc(0))]
      if (batches.length === 0) return values
      const aborted = (answer.abortedTransactions ?? []).toSorted((a, b) => a.firstOffset - b.firstOffset)
      const skipped = new Set<number>()
      for (const batch of batches) {
        offset = batch.nextOffset
        while (aborted[0] !== undefined && aborted[0].firstOffset <= batch.lastOffset) {
          skipped.add((aborted.shift() as { producerId: number }).producerId)
        }
        if (batch.isControl) {
          skipped.delete(batch.producerId)
          continue
        }
        if (batch.isTransactional && skipped.has(batch.producerId)) continue
        const records = batch.records()
        for (let at = 0; at < records.count; at++) values.push(String(records.value(at)))
      }
    }
  }

  initProducer(transactionalId: string | null, identity?: Identity, transactionTimeoutMs = 60_000) {
    return this.send(initProducerId, 5, { transactionalId, transactionTimeoutMs, ...identity })
  }

  endTxn(transactionalId: string, identity: Identity, committed: boolean, version = 5) {
    const { producerId, producerEpoch } = identity
    return this.send(endTxn, version, { transactionalId, producerId, producerEpoch, committed })
  }
}

export function recordBatch(values: readonly string[], batch: Batch = {}): Buffer {
  const { producerId = -1, producerEpoch = -1, sequence, transactionalId } = batch
  const builder = new RecordBatchBuilder({})
  for (const value of values) builder.append(1_700_000_000_000, null, Buffer.from(value), [])
  return builder.build({
    producerId,
    producerEpoch,
    baseSequence: producerId === -1 ? -1 : (sequence ?? 0),
    transactional: transactionalId !== undefined,
  })
}

function throughBytes<F extends Fields>(
  codec: Codec<F>,
  version: number,
  message: MessageInput<F>,
): Message<F> {
  const writer = new Writer()
  codec.encode(writer, message, version)
  return codec.decode(new Reader(Buffer.concat(writer.finish())), version)
}
