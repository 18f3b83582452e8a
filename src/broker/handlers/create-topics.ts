// Versions 2-7. Manual assignments are accepted when they name the only node; v5+ answers counts and configs.
import { ZERO_UUID } from '../../wire/message.ts'
import { createTopics } from '../../wire/messages/create-topics.ts'
import { errorCodes } from '../../wire/error-codes.ts'
import type { Message } from '../../wire/field.ts'
import { handler } from '../handler.ts'
import { type BrokerServices, NODE_ID } from '../services.ts'
import type { TopicLog } from '../storage/log-storage.ts'
import { topicConfigs } from '../topic-configs.ts'
import { createTopic, refuseTopic, type TopicWish } from '../topic-creation.ts'
import type { Refusal } from '../topic-rules.ts'

type Wanted = Message<typeof createTopics.request.fields>['topics'][number]

export const createTopicsHandler = handler(createTopics, [2, 7], async (request, { services }) => {
  const names = new Map<string, number>()
  for (const { name } of request.topics) names.set(name, (names.get(name) ?? 0) + 1)
  const topics = []
  const answered = new Set<string>()
  for (const wanted of request.topics) {
    if (answered.has(wanted.name)) continue
    answered.add(wanted.name)
    topics.push(
      names.get(wanted.name) === 1
        ? await create(services, wanted, request.validateOnly)
        : refused(wanted.name, {
            code: errorCodes.INVALID_REQUEST,
            message: `The request names the topic ${wanted.name} more than once.`,
          }),
    )
  }
  return { throttleTimeMs: 0, topics }
})

async function create(services: BrokerServices, wanted: Wanted, validateOnly: boolean) {
  const wish: TopicWish = {
    name: wanted.name,
    partitions: wanted.assignments.length > 0 ? wanted.assignments.length : wanted.numPartitions,
    replicationFactor: wanted.assignments.length > 0 ? 1 : wanted.replicationFactor,
    configs: wanted.configs,
  }
  const fault = refuseAssignments(wanted)
  if (fault !== undefined) return refused(wanted.name, fault)
  if (validateOnly) {
    const refusal = refuseTopic(services, wish)
    if (refusal !== undefined) return refused(wanted.name, refusal)
    const partitions = wish.partitions === -1 ? services.settings.defaultPartitions : wish.partitions
    return accepted(wanted.name, ZERO_UUID, partitions, namedValues(wish))
  }
  const result = await createTopic(services, wish)
  if ('refusal' in result) return refused(wanted.name, result.refusal)
  const { topic } = result
  return accepted(topic.name, topic.id, topic.partitions.length, topic.configs)
}

function refuseAssignments(wanted: Wanted): Refusal | undefined {
  if (wanted.assignments.length === 0) return undefined
  if (wanted.numPartitions !== -1 || wanted.replicationFactor !== -1) {
    return {
      code: errorCodes.INVALID_REQUEST,
      message: 'Both numPartitions or replicationFactor and replicasAssignments were set.',
    }
  }
  const indexes = new Set(wanted.assignments.map(({ partitionIndex }) => partitionIndex))
  const whole = wanted.assignments.every(
    ({ brokerIds }, index) => indexes.has(index) && brokerIds.length === 1 && brokerIds[0] === NODE_ID,
  )
  if (whole && indexes.size === wanted.assignments.length) return undefined
  return {
    code: errorCodes.INVALID_REPLICA_ASSIGNMENT,
    message: `Partitions must be numbered from 0 without gaps, each on node ${NODE_ID} alone.`,
  }
}

function namedValues(wish: TopicWish): TopicLog['configs'] {
  return Object.fromEntries(wish.configs.map(({ name, value }) => [name, value ?? '']))
}

function accepted(name: string, topicId: string, numPartitions: number, configs: TopicLog['configs']) {
  return {
    name,
    topicId,
    errorCode: 0,
    errorMessage: null,
    numPartitions,
    replicationFactor: 1,
    configs: [...topicConfigs.values()].map(config => ({
      name: config.name,
      value: configs[config.name] ?? config.default,
      readOnly: false,
      configSource: configs[config.name] === undefined ? 5 : 1,
      isSensitive: false,
    })),
  }
}

function refused(name: string, { code, message }: Refusal) {
  return { name, topicId: ZERO_UUID, errorCode: code, errorMessage: message, configs: null }
}
