// Versions 0-3. Partitions are only ever added.
import { errorCodes } from '../../wire/error-codes.ts'
import { createPartitions } from '../../wire/messages/create-partitions.ts'
import { handler } from '../handler.ts'
import { refusePartitionCount } from '../topic-rules.ts'

export const createPartitionsHandler = handler(createPartitions, [0, 3], async (request, { services }) => {
  const results = []
  for (const { name, count, assignments } of request.topics) {
    const topic = services.storage.topic(name)
    if (topic === undefined) {
      results.push({ name, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: null })
      continue
    }
    const present = topic.partitions.length
    const refused = refusePartitionCount(count)
    if (refused !== undefined || count <= present) {
      const errorMessage =
        refused?.message ?? `Topic ${name} has ${present} partitions already; ${count} would not add any.`
      results.push({ name, errorCode: errorCodes.INVALID_PARTITIONS, errorMessage })
      continue
    }
    if (assignments !== null && assignments.length !== count - present) {
      const errorMessage = `${count - present} partitions are added, but ${assignments.length} are assigned.`
      results.push({ name, errorCode: errorCodes.INVALID_REPLICA_ASSIGNMENT, errorMessage })
      continue
    }
    if (!request.validateOnly) await services.storage.growTopic(name, count)
    results.push({ name, errorCode: 0, errorMessage: null })
  }
  return { throttleTimeMs: 0, results }
})
