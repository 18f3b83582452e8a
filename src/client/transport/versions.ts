import { EvertError } from '../../errors.ts'
import type { ResponseOf } from '../../wire/message.ts'
import type { apiVersions } from '../../wire/messages/api-versions.ts'
import type { ApiKey } from '../connection.ts'

/** What a broker can do, as it said when the connection was opened. */
export interface Abilities {
  readonly ranges: ReadonlyMap<number, readonly [first: number, last: number]>
  readonly features: ReadonlyMap<string, number>
}

export function abilitiesOf(
  response: Pick<ResponseOf<typeof apiVersions>, 'apiKeys' | 'finalizedFeatures'>,
): Abilities {
  return {
    ranges: new Map(
      response.apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, [minVersion, maxVersion]]),
    ),
    features: new Map(response.finalizedFeatures.map(({ name, maxVersionLevel }) => [name, maxVersionLevel])),
  }
}

/** The highest version that the broker, this side and the caller know, or -1. */
export function commonVersion(abilities: Abilities, api: ApiKey, maxVersion = api.versions[1]): number {
  const range = abilities.ranges.get(api.key)
  if (range === undefined) return -1
  const version = Math.min(range[1], api.versions[1], maxVersion)
  return version >= Math.max(range[0], api.versions[0]) ? version : -1
}

export function requireVersion(
  abilities: Abilities,
  api: ApiKey & { readonly name: string },
  maxVersion?: number,
): number {
  const version = commonVersion(abilities, api, maxVersion)
  if (version >= 0) return version
  const range = abilities.ranges.get(api.key)
  const theirs = range === undefined ? 'none' : `${range[0]} to ${range[1]}`
  const ours = `${api.versions[0]} to ${maxVersion ?? api.versions[1]}`
  throw new EvertError(
    'UNSUPPORTED_VERSION',
    `There is no common version of ${api.name}: the broker answers ${theirs}, this client sends ${ours}.`,
  )
}
