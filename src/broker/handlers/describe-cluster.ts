// Versions 0-2. Endpoint type 1 (brokers) only: there are no separate controllers.
import { errorCodes } from '../../wire/error-codes.ts'
import { describeCluster } from '../../wire/messages/describe-cluster.ts'
import { handler } from '../handler.ts'
import { NODE_ID } from '../services.ts'

const BROKERS = 1

export const describeClusterHandler = handler(describeCluster, [0, 2], (request, { services }) => {
  const { clusterId } = services.storage
  if (request.endpointType !== BROKERS) {
    return {
      throttleTimeMs: 0,
      errorCode: errorCodes.UNSUPPORTED_ENDPOINT_TYPE,
      errorMessage: `Endpoint type ${request.endpointType} is not served; ask for brokers, type ${BROKERS}.`,
      clusterId,
      brokers: [],
    }
  }
  const { host, port } = services.advertised
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    endpointType: BROKERS,
    clusterId,
    controllerId: NODE_ID,
    brokers: [{ brokerId: NODE_ID, host, port }],
  }
})
