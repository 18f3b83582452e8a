import { type Embedded, openEmbedded } from '../broker/open-embedded.ts'
import { registerTransport } from '../client/cluster.ts'
import type { Transport } from '../client/connection.ts'
import { inProcessTransport } from '../client/transport/in-process.ts'
import type { TransportOptions } from '../client/transport/options.ts'
import { LOOPBACK, refusalOf, requirePort } from './listener-rules.ts'
import { ownerTransport } from './owner-transport.ts'
import { placeOf } from './place-of.ts'

/**
 * The embedded logs that this process has open, each once however many clusters use it, and closed with the last of
 * them. `memory:` is one log per name (`memory:`, `memory:test-1`), which is gone when it is closed.
 */
const open = new Map<string, OpenLog>()

interface OpenLog {
  readonly embedded: Promise<Embedded>
  /** Where it listens, if it does. */
  readonly host: string
  users: number
}

/** Makes `file:` and `memory:` cluster URLs. Calling it again changes nothing. */
export function registerEmbeddedLogs(): void {
  registerTransport('file', embeddedTransport)
  registerTransport('memory', embeddedTransport)
}

async function embeddedTransport(url: string, options: TransportOptions): Promise<Transport> {
  const { listener, clock } = options
  requirePort(listener)
  const place = placeOf(url)
  let log = open.get(place)
  if (log === undefined) {
    const embedded = openEmbedded(url, listener === undefined ? { clock } : { clock, listener })
    log = { embedded, host: listener?.host ?? LOOPBACK, users: 0 }
    open.set(place, log)
  }
  log.users++
  return transportOf(log, { url, place, options })
}

interface Opening {
  readonly url: string
  readonly place: string
  readonly options: TransportOptions
}

async function transportOf(log: OpenLog, { url, place, options }: Opening): Promise<Transport> {
  const release = async (): Promise<void> => {
    if (--log.users > 0) return
    // The same place may be opened again while this one is being closed: the lock of its directory keeps them apart.
    open.delete(place)
    const embedded = await log.embedded
    if (embedded.kind === 'owner') await embedded.close()
  }
  let embedded: Embedded
  try {
    embedded = await log.embedded
  } catch (error) {
    if (--log.users === 0) open.delete(place)
    throw error
  }
  const refusal = refusalOf(embedded, { url, host: log.host, wanted: options.listener })
  if (refusal !== undefined) {
    await release()
    throw refusal
  }
  if (embedded.kind === 'owner') {
    const { broker } = embedded
    return { ...inProcessTransport(broker, options, release), report: sheet => broker.report(sheet) }
  }
  const owner = ownerTransport(url, embedded.address, options)
  return {
    ...owner,
    async close() {
      await owner.close()
      await release()
    },
  }
}
