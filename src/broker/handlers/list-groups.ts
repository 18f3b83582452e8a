// Versions 0-5. v4 filters by state, v5 by type: "Streams", and "Classic" for groups that only hold offsets.
import { listGroups } from '../../wire/messages/list-groups.ts'
import { handler } from '../handler.ts'

export const listGroupsHandler = handler(listGroups, [0, 5], (request, { services }) => {
  const states = new Set(request.statesFilter.map(state => state.toLowerCase()))
  const types = new Set(request.typesFilter.map(type => type.toLowerCase()))
  const streams = services.streamsGroups.list().map(({ groupId, state }) => ({
    groupId,
    protocolType: 'streams',
    groupState: state,
    groupType: 'Streams',
  }))
  const named = new Set(streams.map(({ groupId }) => groupId))
  const simple = [...services.offsets.groups()]
    .filter(groupId => !named.has(groupId))
    .map(groupId => ({ groupId, protocolType: '', groupState: 'Empty', groupType: 'Classic' }))
  const groups = [...streams, ...simple].filter(
    ({ groupState, groupType }) =>
      (states.size === 0 || states.has(groupState.toLowerCase())) &&
      (types.size === 0 || types.has(groupType.toLowerCase())),
  )
  return { throttleTimeMs: 0, errorCode: 0, groups }
})
