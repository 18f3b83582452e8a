// Versions 1-4. Topics, groups, and of the node only what clients ask for by default: its settings are options of the program.
import { errorCodes } from '../../wire/error-codes.ts'
import { describeConfigs } from '../../wire/messages/describe-configs.ts'
import { handler } from '../handler.ts'
import { type GroupConfig, groupConfigs } from '../coordinators/group-configs.ts'
import { type BrokerServices, GROUP_RESOURCE, NODE_ID } from '../services.ts'
import type { TopicLog } from '../storage/log-storage.ts'
import { type TopicConfig, topicConfigs } from '../topic-configs.ts'

const TOPIC = 2
const NODE = 4
const DYNAMIC_TOPIC_CONFIG = 1
const DYNAMIC_GROUP_CONFIG = 8
const DEFAULT_CONFIG = 5
const TYPES = { boolean: 1, string: 2, int: 3, long: 5, double: 6, list: 7 } as const

export const describeConfigsHandler = handler(describeConfigs, [1, 4], (request, { services }) => ({
  throttleTimeMs: 0,
  results: request.resources.map(({ resourceType, resourceName, configurationKeys }) => {
    const result = { errorCode: 0, errorMessage: null, resourceType, resourceName, configs: [] }
    if (resourceType === NODE && (resourceName === String(NODE_ID) || resourceName === '')) return result
    const isAsked = (name: string): boolean => configurationKeys?.includes(name) ?? true
    if (resourceType === GROUP_RESOURCE) {
      const asked = groupConfigs.filter(({ name }) => isAsked(name))
      return {
        ...result,
        configs: asked.map(config => describeOfGroup(services, resourceName, config, request)),
      }
    }
    if (resourceType !== TOPIC) {
      const errorMessage = `There are no configs of resource type ${resourceType} named "${resourceName}".`
      return { ...result, errorCode: errorCodes.INVALID_REQUEST, errorMessage }
    }
    const topic = services.storage.topic(resourceName)
    if (topic === undefined) return { ...result, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION }
    const asked = [...topicConfigs.values()].filter(({ name }) => isAsked(name))
    return { ...result, configs: asked.map(config => describe(topic, config, request)) }
  }),
}))

function describeOfGroup(
  services: BrokerServices,
  groupId: string,
  config: GroupConfig,
  asked: { readonly includeDocumentation: boolean },
) {
  const { name, documentation } = config
  const own = services.groupConfigs.of(groupId)[name]
  return {
    name,
    value: own ?? services.groupConfigs.defaultOf(config),
    readOnly: false,
    configSource: own === undefined ? DEFAULT_CONFIG : DYNAMIC_GROUP_CONFIG,
    isSensitive: false,
    synonyms: [],
    configType: TYPES.int,
    documentation: asked.includeDocumentation ? documentation : null,
  }
}

function describe(
  topic: TopicLog,
  { name, type, default: fallback, documentation }: TopicConfig,
  asked: { readonly includeSynonyms: boolean; readonly includeDocumentation: boolean },
) {
  const own = topic.configs[name]
  const isDefault = own === undefined
  const synonyms = [
    ...(isDefault ? [] : [{ name, value: own, source: DYNAMIC_TOPIC_CONFIG }]),
    { name, value: fallback, source: DEFAULT_CONFIG },
  ]
  return {
    name,
    value: own ?? fallback,
    readOnly: false,
    configSource: isDefault ? DEFAULT_CONFIG : DYNAMIC_TOPIC_CONFIG,
    isSensitive: false,
    synonyms: asked.includeSynonyms ? synonyms : [],
    configType: TYPES[type],
    documentation: asked.includeDocumentation ? (documentation ?? null) : null,
  }
}
