import { createServer, type Server, type Socket } from 'node:net'
import { EvertError } from '../errors.ts'
import type { RequestHandler } from '../wire/request-handler.ts'
import { BrokerConnection } from './broker-connection.ts'
import type { Handler } from './handler.ts'

export interface ListenerOptions {
  /** Address to listen on. Default 127.0.0.1: only this machine. */
  readonly host?: string
  /** Default 0: any free port. */
  readonly port?: number
  /** The address that clients are told, when it differs from the one listened on. */
  readonly advertisedHost?: string
  /** A larger frame ends its connection. Default 100 MiB. */
  readonly maxFrameBytes?: number
  /** More connections are closed at once. Default 1000. */
  readonly maxConnections?: number
}

const DEFAULT_MAX_FRAME_BYTES = 100 * 1024 * 1024
const DEFAULT_MAX_CONNECTIONS = 1000

/** The TCP door of the broker: accepts connections; each reads frames, has them handled, and writes the answers. */
export class Listener {
  readonly #server: Server
  readonly #connections = new Set<BrokerConnection>()
  readonly #options: ListenerOptions

  constructor(broker: RequestHandler, handlers: ReadonlyMap<number, Handler>, options: ListenerOptions) {
    this.#options = options
    const maxFrameBytes = options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES
    const maxConnections = options.maxConnections ?? DEFAULT_MAX_CONNECTIONS
    this.#server = createServer({ noDelay: true, keepAlive: true }, (socket: Socket) => {
      if (this.#connections.size >= maxConnections) {
        socket.destroy()
        return
      }
      const connection = new BrokerConnection(socket, { broker, handlers, maxFrameBytes })
      this.#connections.add(connection)
      socket.once('close', () => this.#connections.delete(connection))
    })
  }

  /** The address that clients are told. Throws CONNECTION when it cannot be listened on. */
  listen(): Promise<{ host: string; port: number }> {
    const { host = '127.0.0.1', port = 0, advertisedHost = host } = this.#options
    return new Promise((resolve, reject) => {
      this.#server.once('error', cause => {
        reject(
          new EvertError(
            'CONNECTION',
            `Cannot listen on ${host}:${port}: ${cause.message}; choose another port.`,
            {
              cause,
            },
          ),
        )
      })
      this.#server.listen({ host, port }, () => {
        const address = this.#server.address()
        const boundPort = typeof address === 'object' && address !== null ? address.port : port
        resolve({ host: advertisedHost, port: boundPort })
      })
    })
  }

  /** Stops accepting, lets every connection write the answers it owes, then closes them. */
  async close(): Promise<void> {
    const stopped = new Promise<void>(resolve => this.#server.close(() => resolve()))
    await Promise.all([...this.#connections].map(connection => connection.drain()))
    await stopped
  }
}
