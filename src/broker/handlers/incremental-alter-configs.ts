// Versions 0-1. Configs of groups only: those of a topic are given when it is made.
import { errorCodes } from '../../wire/error-codes.ts'
import type { Message } from '../../wire/field.ts'
import { incrementalAlterConfigs } from '../../wire/messages/incremental-alter-configs.ts'
import { handler } from '../handler.ts'
import { type BrokerServices, GROUP_RESOURCE } from '../services.ts'

const SET = 0
const DELETE = 1

type Request = Message<typeof incrementalAlterConfigs.request.fields>

export const incrementalAlterConfigsHandler = handler(
  incrementalAlterConfigs,
  [0, 1],
  async ({ resources, validateOnly }, { services }) => {
    const responses = []
    for (const resource of resources) {
      const { resourceType, resourceName } = resource
      const fault = await alter(services, resource, validateOnly)
      const { code = 0, message = null } = fault ?? {}
      responses.push({ errorCode: code, errorMessage: message, resourceType, resourceName })
    }
    return { throttleTimeMs: 0, responses }
  },
)

async function alter(
  { groupConfigs }: BrokerServices,
  { resourceType, resourceName: groupId, configs }: Request['resources'][number],
  validateOnly: boolean,
): Promise<{ code: number; message: string } | undefined> {
  if (resourceType !== GROUP_RESOURCE) {
    const message = `Configs of resource type ${resourceType} cannot be altered; those of groups (${GROUP_RESOURCE}) can.`
    return { code: errorCodes.INVALID_REQUEST, message }
  }
  if (groupId === '') return { code: errorCodes.INVALID_REQUEST, message: 'The name of the group is empty.' }
  const altered = { ...groupConfigs.of(groupId) }
  for (const { name, configOperation, value } of configs) {
    if (configOperation === DELETE) delete altered[name]
    else if (configOperation === SET && value !== null) altered[name] = value
    else return { code: errorCodes.INVALID_CONFIG, message: `The group config ${name} is set or deleted.` }
  }
  const fault = groupConfigs.refuse(groupId, altered)
  if (fault !== undefined) return { code: errorCodes.INVALID_CONFIG, message: fault }
  if (!validateOnly) await groupConfigs.set(groupId, altered)
  return undefined
}
