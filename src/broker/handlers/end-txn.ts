// Versions 0-5. v5 answers the producer's next id and epoch (KIP-890); before v2 fencing is told as INVALID_PRODUCER_EPOCH.
import { errorCodes } from '../../wire/error-codes.ts'
import { endTxn } from '../../wire/messages/end-txn.ts'
import { handler } from '../handler.ts'

export const endTxnHandler = handler(endTxn, [0, 5], async (request, { services, version }) => {
  const { code, producerId, producerEpoch } = await services.transactions.endTxn(request, {
    commit: request.committed,
    bumps: version >= 5,
  })
  const errorCode =
    version < 2 && code === errorCodes.PRODUCER_FENCED ? errorCodes.INVALID_PRODUCER_EPOCH : code
  return { throttleTimeMs: 0, errorCode, producerId, producerEpoch }
})
