// Versions 0-4. A request of a version beyond these is answered by the listener as v0 with error 35.
import { apiVersions } from '../../wire/messages/api-versions.ts'
import { handler } from '../handler.ts'

/** transaction.version 2: KIP-890. streams.version 1: KIP-1071. group.version 0: no KIP-848 consumer groups. */
const FEATURES = [
  { name: 'streams.version', minVersion: 0, maxVersion: 1, level: 1 },
  { name: 'transaction.version', minVersion: 0, maxVersion: 2, level: 2 },
]

export const apiVersionsHandler = handler(apiVersions, [0, 4], (_request, { services }) => ({
  errorCode: 0,
  apiKeys: [...services.supported],
  throttleTimeMs: 0,
  // Before v4 a minimum of 0 must not be sent, so the features' names start at 1 there.
  supportedFeatures: FEATURES.map(({ name, maxVersion }) => ({ name, minVersion: 1, maxVersion })),
  finalizedFeaturesEpoch: 1,
  finalizedFeatures: FEATURES.map(({ name, level }) => ({
    name,
    maxVersionLevel: level,
    minVersionLevel: level,
  })),
}))
