import { KafkaError } from '../../client/kafka-error.ts'
import { EvertError } from '../../errors.ts'
import { errorCodes } from '../../wire/error-codes.ts'

/** The error of a member that its group refuses, with what to do where Kafka's own words do not tell. */
export function explainRefusal(applicationId: string, error: unknown): unknown {
  const isChanged =
    error instanceof KafkaError &&
    error.errorCode === errorCodes.INVALID_REQUEST &&
    /topology updates are not supported/i.test(error.message)
  if (!isChanged) return error
  return new EvertError(
    'TOPOLOGY_CHANGED',
    `Apache Kafka does not let the group "${applicationId}" take a topology with other inputs, sub-topologies, stores ` +
      'or internal topics than it began with (Kafka 4.3: "Topology updates are not supported yet"), though the state ' +
      'fits. Operators without state may change. Otherwise stop all instances, note the committed offsets, delete the ' +
      'group, and commit the offsets anew before the next start; or give the changed topology an application id of its own.',
    { cause: error },
  )
}
