// Versions 0-6. v4+ asks for several keys at once. Every group and transaction is coordinated by the only node.
import { errorCodes } from '../../wire/error-codes.ts'
import { findCoordinator } from '../../wire/messages/find-coordinator.ts'
import { handler } from '../handler.ts'
import { NODE_ID } from '../services.ts'

const GROUP = 0
const TRANSACTION = 1

export const findCoordinatorHandler = handler(findCoordinator, [0, 6], (request, { services, version }) => {
  const { host, port } = services.advertised
  const supported = request.keyType === GROUP || request.keyType === TRANSACTION
  const found = supported
    ? { nodeId: NODE_ID, host, port, errorCode: 0, errorMessage: null }
    : {
        nodeId: -1,
        host: '',
        port: -1,
        errorCode: errorCodes.INVALID_REQUEST,
        errorMessage: `There is no coordinator for keys of type ${request.keyType}.`,
      }
  return version < 4 ? found : { coordinators: request.coordinatorKeys.map(key => ({ key, ...found })) }
})
