// Versions 0-2. A group with members, or with offsets in an open transaction, is not deleted.
import { errorCodes } from '../../wire/error-codes.ts'
import { deleteGroups } from '../../wire/messages/delete-groups.ts'
import { handler } from '../handler.ts'

export const deleteGroupsHandler = handler(deleteGroups, [0, 2], async (request, { services }) => {
  const results = []
  for (const groupId of new Set(request.groupsNames)) {
    const isStreams = services.streamsGroups.has(groupId)
    const errorCode =
      !isStreams && !services.offsets.has(groupId)
        ? errorCodes.GROUP_ID_NOT_FOUND
        : services.streamsGroups.hasMembers(groupId) || services.offsets.hasPending(groupId)
          ? errorCodes.NON_EMPTY_GROUP
          : 0
    if (errorCode === 0) {
      if (isStreams) await services.streamsGroups.delete(groupId)
      await services.offsets.deleteGroup(groupId)
    }
    results.push({ groupId, errorCode })
  }
  return { throttleTimeMs: 0, results }
})
