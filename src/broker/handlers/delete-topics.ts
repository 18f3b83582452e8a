// Versions 1-6. v6 names topics by name or by id. A topic's committed offsets go with it.
import { errorCodes } from '../../wire/error-codes.ts'
import { ZERO_UUID } from '../../wire/message.ts'
import { deleteTopics } from '../../wire/messages/delete-topics.ts'
import { handler } from '../handler.ts'

export const deleteTopicsHandler = handler(deleteTopics, [1, 6], async (request, { services, version }) => {
  const wanted: { name: string | null; topicId: string }[] =
    version >= 6 ? request.topics : request.topicNames.map(name => ({ name, topicId: ZERO_UUID }))
  const responses = []
  for (const { name, topicId } of wanted) {
    const topic = name === null ? services.storage.topicById(topicId) : services.storage.topic(name)
    if (topic === undefined) {
      const errorCode = name === null ? errorCodes.UNKNOWN_TOPIC_ID : errorCodes.UNKNOWN_TOPIC_OR_PARTITION
      responses.push({ name, topicId, errorCode })
      continue
    }
    await services.storage.deleteTopic(topic.name)
    await services.offsets.deleteTopic(topic.name)
    responses.push({ name: topic.name, topicId: topic.id, errorCode: 0 })
  }
  return { throttleTimeMs: 0, responses }
})
