// Versions 2-10. v9+ carries a member epoch (KIP-848), v10 names topics by id. Retention time of v2-4 is ignored.
import { errorCodes } from '../../wire/error-codes.ts'
import { offsetCommit } from '../../wire/messages/offset-commit.ts'
import { resolveOffsets } from '../coordinators/offset-request.ts'
import { handler } from '../handler.ts'

export const offsetCommitHandler = handler(offsetCommit, [2, 10], async (request, { services, version }) => {
  const { topics, accepted } = resolveOffsets(services, request.topics, version >= 10)
  const refusal =
    request.groupId === ''
      ? errorCodes.INVALID_GROUP_ID
      : services.streamsGroups.refuseCommit({
          groupId: request.groupId,
          memberId: request.memberId,
          memberEpoch: request.generationIdOrMemberEpoch,
          isTransactional: false,
          offsets: accepted,
        })
  if (refusal === 0) await services.offsets.commit(request.groupId, accepted)
  return {
    throttleTimeMs: 0,
    topics: topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex, errorCode }) => ({
        partitionIndex,
        errorCode: errorCode === 0 ? refusal : errorCode,
      })),
    })),
  }
})
