// Versions 0-5. v3+ carries the producer id and epoch to bump; before v4 a fenced producer is told INVALID_PRODUCER_EPOCH.
import { errorCodes } from '../../wire/error-codes.ts'
import { initProducerId } from '../../wire/messages/init-producer-id.ts'
import { handler } from '../handler.ts'

export const initProducerIdHandler = handler(
  initProducerId,
  [0, 5],
  async (request, { services, version }) => {
    if (request.transactionalId === null) {
      return {
        throttleTimeMs: 0,
        errorCode: 0,
        producerId: await services.producerIds.next(),
        producerEpoch: 0,
      }
    }
    const { code, producerId, producerEpoch } = await services.transactions.initProducerId({
      transactionalId: request.transactionalId,
      timeoutMs: request.transactionTimeoutMs,
      producerId: request.producerId,
      producerEpoch: request.producerEpoch,
    })
    const errorCode =
      version < 4 && code === errorCodes.PRODUCER_FENCED ? errorCodes.INVALID_PRODUCER_EPOCH : code
    return { throttleTimeMs: 0, errorCode, producerId, producerEpoch }
  },
)
