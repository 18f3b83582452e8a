import { ownerAddress } from '../broker/open-embedded.ts'
import type { BrokerAddress, Connection, Transport } from '../client/connection.ts'
import type { TransportOptions } from '../client/transport/options.ts'
import { tcpTransport } from '../client/transport/tcp.ts'
import { EvertError, isEvertError } from '../errors.ts'

/**
 * The log of a directory that another process owns, wherever that one listens now: each connection goes where the
 * lock of the directory says, so an owner that restarts on another port, or another process that opens the directory,
 * is found again. While there is none, connecting fails with CONNECTION, and clients go on trying. This process does
 * not take the directory over meanwhile: it would have to recover and serve a log under clients that are connected;
 * it does when it opens the directory after it has closed its last cluster there.
 */
export function ownerTransport(url: string, first: BrokerAddress, options: TransportOptions): Transport {
  const { warn = () => {} } = options
  const tcp = tcpTransport([first], options)
  let last = first
  let isLost = false

  const lose = (error: unknown): void => {
    if (isLost || !isEvertError(error, 'CONNECTION')) return
    isLost = true
    warn(`The log "${url}" is out of reach and is looked for until it is back: ${error.message}`)
  }
  const find = (address: BrokerAddress): void => {
    const isBack = isLost || address.host !== last.host || address.port !== last.port
    isLost = false
    last = address
    if (isBack) warn(`The log "${url}" is back, on ${address.host}:${address.port}.`)
  }
  return {
    bootstrap: tcp.bootstrap,
    // The address is what the cluster said last of its one node, which may have moved since.
    async connect(): Promise<Connection> {
      try {
        const address = requireOwner(url)
        const connection = await tcp.connect(address)
        find(address)
        return connection
      } catch (error) {
        lose(error)
        throw error
      }
    },
    close: () => tcp.close(),
  }
}

function requireOwner(url: string): BrokerAddress {
  const address = ownerAddress(url)
  if (address !== undefined) return address
  throw new EvertError('CONNECTION', `No process serves the log "${url}" at the moment.`, { retryable: true })
}
