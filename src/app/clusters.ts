import { realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Embedded, openEmbedded } from '../broker/open-embedded.ts'
import { registerTransport } from '../client/cluster.ts'
import type { Transport } from '../client/connection.ts'
import { inProcessTransport } from '../client/transport/in-process.ts'
import type { TransportOptions } from '../client/transport/options.ts'
import { tcpTransport } from '../client/transport/tcp.ts'

/**
 * The embedded logs that this process has open, each once however many clusters use it, and closed with the last of
 * them. `memory:` is one log per name (`memory:`, `memory:test-1`), which is gone when it is closed.
 */
const open = new Map<string, { readonly embedded: Promise<Embedded>; users: number }>()

/** Makes `file:` and `memory:` cluster URLs. Calling it again changes nothing. */
export function registerEmbeddedLogs(): void {
  registerTransport('file', embeddedTransport)
  registerTransport('memory', embeddedTransport)
}

async function embeddedTransport(url: string, options: TransportOptions): Promise<Transport> {
  const place = placeOf(url)
  let entry = open.get(place)
  if (entry === undefined) {
    entry = { embedded: openEmbedded(url, { clock: options.clock }), users: 0 }
    open.set(place, entry)
  }
  entry.users++
  const release = async (): Promise<void> => {
    if (--entry.users > 0) return
    // The same place may be opened again while this one is being closed: the lock of its directory keeps them apart.
    open.delete(place)
    const embedded = await entry.embedded
    if (embedded.kind === 'owner') await embedded.close()
  }
  try {
    const embedded = await entry.embedded
    if (embedded.kind === 'owner') return inProcessTransport(embedded.broker, options, release)
    const tcp = tcpTransport([embedded.address], options)
    return {
      bootstrap: tcp.bootstrap,
      connect: address => tcp.connect(address),
      async close() {
        await tcp.close()
        await release()
      },
    }
  } catch (error) {
    entry.users--
    open.delete(place)
    throw error
  }
}

/** What names one log, whichever way the URL is written. */
function placeOf(url: string): string {
  if (!url.startsWith('file:')) return url
  const path = resolve(url.startsWith('file://') ? fileURLToPath(url) : url.slice('file:'.length))
  try {
    return `file:${realpathSync(path)}`
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return `file:${path}`
    throw error
  }
}
