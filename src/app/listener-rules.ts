import type { Embedded } from '../broker/open-embedded.ts'
import type { ClusterListener } from '../client/transport/options.ts'
import { EvertError } from '../errors.ts'

/** Where an embedded log listens when no host is asked for. */
export const LOOPBACK = '127.0.0.1'

/** Throws INVALID_ARGUMENT for what is no port. */
export function requirePort(listener: ClusterListener | undefined): void {
  const port = listener?.port ?? 0
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return
  throw new EvertError('INVALID_ARGUMENT', `A listener's port is 0 to 65535, not ${port}.`)
}

export interface WantedListener {
  readonly url: string
  /** Where the log listens, if it does. */
  readonly host: string
  readonly wanted: ClusterListener | undefined
}

/** Why an open log cannot be used with the listener that is wanted of it; undefined when it can. */
export function refusalOf(embedded: Embedded, { url, host, wanted }: WantedListener): EvertError | undefined {
  if (wanted === undefined) return undefined
  if (embedded.kind === 'remote') {
    return new EvertError(
      'DIRECTORY_IN_USE',
      `The log "${url}" is open in another process, which listens on ${embedded.address.host}:` +
        `${embedded.address.port}. Leave the listener out to use it there, or end that process.`,
    )
  }
  const { address } = embedded.broker
  const isSame =
    address.port !== 0 &&
    [0, address.port].includes(wanted.port ?? 0) &&
    (wanted.host ?? host) === host &&
    (wanted.advertisedHost ?? address.host) === address.host
  if (isSame) return undefined
  const now = address.port === 0 ? 'without a listener' : `with a listener on ${host}:${address.port}`
  return new EvertError(
    'INVALID_ARGUMENT',
    `The log "${url}" is open in this process already, ${now}: it cannot have another one. ` +
      'Leave the listener out, or give the same one wherever the log is opened.',
  )
}
