// Versions 0-5. v3+ carries the member (KIP-447); v5 joins the transaction by itself (KIP-890).
import { errorCodes } from '../../wire/error-codes.ts'
import { txnOffsetCommit } from '../../wire/messages/txn-offset-commit.ts'
import { resolveOffsets } from '../coordinators/offset-request.ts'
import { handler } from '../handler.ts'

export const txnOffsetCommitHandler = handler(txnOffsetCommit, [0, 5], (request, { services, version }) => {
  const { groupId, producerId } = request
  const { topics, accepted } = resolveOffsets(services, request.topics, false)
  // Member, epoch and staging are one synchronous step: nothing can fence the member in between.
  const groupRefusal =
    groupId === ''
      ? errorCodes.INVALID_GROUP_ID
      : services.streamsGroups.refuseCommit({
          groupId,
          memberId: request.memberId,
          memberEpoch: request.generationId,
          isTransactional: true,
          offsets: accepted,
        })
  const refusal = groupRefusal === 0 ? services.transactions.admitOffsets(request, version) : groupRefusal
  if (refusal === 0) services.offsets.stage(producerId, groupId, accepted)
  return {
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, errorCode }) => ({
        partitionIndex,
        errorCode: errorCode === 0 ? refusal : errorCode,
      })),
    })),
  }
})
