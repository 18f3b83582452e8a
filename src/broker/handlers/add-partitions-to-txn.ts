// Versions 0-5. v4+ takes several transactions and can only verify; clients of KIP-890 do not send it at all.
import { errorCodes } from '../../wire/error-codes.ts'
import type { Message } from '../../wire/field.ts'
import { addPartitionsToTxn } from '../../wire/messages/add-partitions-to-txn.ts'
import type { ProducerIdentity } from '../coordinators/transaction-table.ts'
import { handler } from '../handler.ts'
import type { BrokerServices } from '../services.ts'

type Topics = Message<typeof addPartitionsToTxn.request.fields>['v3AndBelowTopics']

export const addPartitionsToTxnHandler = handler(
  addPartitionsToTxn,
  [0, 5],
  async (request, { services, version }) => {
    if (version < 4) {
      const producer = {
        transactionalId: request.v3AndBelowTransactionalId,
        producerId: request.v3AndBelowProducerId,
        producerEpoch: request.v3AndBelowProducerEpoch,
      }
      const results = await add(services, producer, request.v3AndBelowTopics, code =>
        version < 2 && code === errorCodes.PRODUCER_FENCED ? errorCodes.INVALID_PRODUCER_EPOCH : code,
      )
      return { throttleTimeMs: 0, resultsByTopicV3AndBelow: results }
    }
    const resultsByTransaction = []
    for (const transaction of request.transactions) {
      const topicResults = transaction.verifyOnly
        ? verify(services, transaction, transaction.topics)
        : await add(services, transaction, transaction.topics, code => code)
      resultsByTransaction.push({ transactionalId: transaction.transactionalId, topicResults })
    }
    return { throttleTimeMs: 0, errorCode: 0, resultsByTransaction }
  },
)

/** All partitions join or none: if one is unknown the others are not attempted. */
async function add(
  services: BrokerServices,
  producer: ProducerIdentity,
  topics: Topics,
  told: (code: number) => number,
) {
  const isKnown = (name: string, partition: number): boolean =>
    services.storage.topic(name)?.partitions[partition] !== undefined
  const allKnown = topics.every(({ name, partitions }) => partitions.every(index => isKnown(name, index)))
  const partitions = topics.flatMap(({ name, partitions }) =>
    partitions.map(partition => ({ topic: name, partition })),
  )
  const code = allKnown ? told(await services.transactions.addPartitions(producer, partitions)) : 0
  return results(topics, (name, partition) => {
    if (allKnown) return code
    return isKnown(name, partition)
      ? errorCodes.OPERATION_NOT_ATTEMPTED
      : errorCodes.UNKNOWN_TOPIC_OR_PARTITION
  })
}

function verify(services: BrokerServices, producer: ProducerIdentity, topics: Topics) {
  return results(topics, (name, partition) => services.transactions.verify(producer, name, partition))
}

function results(topics: Topics, code: (name: string, partition: number) => number) {
  return topics.map(({ name, partitions }) => ({
    name,
    resultsByPartition: partitions.map(partitionIndex => ({
      partitionIndex,
      partitionErrorCode: code(name, partitionIndex),
    })),
  }))
}
