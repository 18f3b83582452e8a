// Versions 0-6. Classic groups have no members here: a group that only holds offsets is Empty, any other Dead.
import { errorCodes } from '../../wire/error-codes.ts'
import { describeGroups } from '../../wire/messages/describe-groups.ts'
import { handler } from '../handler.ts'

export const describeGroupsHandler = handler(describeGroups, [0, 6], (request, { services, version }) => ({
  throttleTimeMs: 0,
  groups: request.groups.map(groupId => {
    const isSimple = services.offsets.has(groupId) && !services.streamsGroups.has(groupId)
    const isMissing = !isSimple && version >= 6
    return {
      errorCode: isMissing ? errorCodes.GROUP_ID_NOT_FOUND : 0,
      errorMessage: isMissing ? `There is no classic group "${groupId}".` : null,
      groupId,
      groupState: isSimple ? 'Empty' : 'Dead',
      protocolType: '',
      protocolData: '',
      members: [],
    }
  }),
}))
