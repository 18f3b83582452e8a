// Versions 0-4. For clients before KIP-890; before v2 fencing is told as INVALID_PRODUCER_EPOCH.
import { errorCodes } from '../../wire/error-codes.ts'
import { addOffsetsToTxn } from '../../wire/messages/add-offsets-to-txn.ts'
import { handler } from '../handler.ts'

export const addOffsetsToTxnHandler = handler(
  addOffsetsToTxn,
  [0, 4],
  async (request, { services, version }) => {
    if (request.groupId === '') return { throttleTimeMs: 0, errorCode: errorCodes.INVALID_GROUP_ID }
    const code = await services.transactions.addOffsets(request)
    const errorCode =
      version < 2 && code === errorCodes.PRODUCER_FENCED ? errorCodes.INVALID_PRODUCER_EPOCH : code
    return { throttleTimeMs: 0, errorCode }
  },
)
