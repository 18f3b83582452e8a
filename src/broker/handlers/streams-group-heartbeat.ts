// Version 0 (KIP-1071). Static members, patterns of source topics and warm-up tasks are not served.
import { streamsGroupHeartbeat } from '../../wire/messages/streams-group-heartbeat.ts'
import { handler } from '../handler.ts'

export const streamsGroupHeartbeatHandler = handler(
  streamsGroupHeartbeat,
  [0, 0],
  (request, { services, context }) => services.streamsGroups.heartbeat(request, context),
)
