import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { EvertError } from '../errors.ts'
import { requestOf } from './node-request.ts'
import { sendResponse } from './node-response.ts'
import { problem, problemFor } from './problem.ts'

/** What a web-standard server calls for each request. */
export type FetchHandler = (request: Request) => Response | Promise<Response>

export interface ServeOptions {
  /** 0 takes a free one. */
  readonly port: number
  /** Default `127.0.0.1`: only this machine. */
  readonly host?: string
  /** How long a client may take to send the headers. Default 10 000. */
  readonly headersTimeoutMs?: number
  /** How long a client may take to send a whole request. Default 30 000. */
  readonly requestTimeoutMs?: number
  /** How long `close` waits for requests that are being answered. Default 5 000. */
  readonly graceMs?: number
  /** Hears of errors that are answered with 500. Default: writes them to stderr. */
  readonly onError?: (error: unknown) => void
}

export interface RunningServer extends AsyncDisposable {
  /** `http://127.0.0.1:3000` */
  readonly url: string
  readonly port: number
  /** Takes no new connections, lets running requests end within the grace time, then aborts them. */
  close(): Promise<void>
  /** Lets the process end although this listens; from here on a connection is closed with its answer. */
  unref(): void
}

/**
 * Serves a fetch handler over HTTP/1.1. A client that is gone aborts its request's signal. Throws CONNECTION when the
 * port cannot be had, with what to do about it.
 */
export async function serve(handler: FetchHandler, options: ServeOptions): Promise<RunningServer> {
  const { host = '127.0.0.1', headersTimeoutMs = 10_000, requestTimeoutMs = 30_000 } = options
  const { graceMs = 5_000, onError } = options
  const running = new Set<AbortController>()
  const state = { keepsAlive: true }

  const server = createServer({
    headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs),
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.max(10, Math.min(1_000, headersTimeoutMs / 4, requestTimeoutMs / 4)),
  })
  server.on('request', (message: IncomingMessage, to: ServerResponse) => {
    const abort = new AbortController()
    running.add(abort)
    to.once('close', () => {
      running.delete(abort)
      if (!to.writableFinished) abort.abort(new EvertError('CLOSED', 'The client closed the connection.'))
    })
    answer({ handler, message, to, signal: abort.signal, state, onError }).catch((error: unknown) => {
      // The status is sent already: only the log can tell.
      problemFor(error, onError)
    })
  })
  server.on('clientError', refuseBadRequest)
  await listen(server, options.port, host)

  const { port } = server.address() as AddressInfo
  const close = async () => {
    state.keepsAlive = false
    const closed = new Promise<void>(resolve => {
      server.close(() => resolve())
    })
    const timer = setTimeout(() => {
      for (const abort of running) abort.abort(new EvertError('CLOSED', 'The server is closing.'))
      server.closeAllConnections()
    }, graceMs)
    await closed
    clearTimeout(timer)
  }
  let closed: Promise<void> | undefined
  const closeOnce = () => (closed ??= close())
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    close: closeOnce,
    unref() {
      state.keepsAlive = false
      server.unref()
      server.closeIdleConnections()
    },
    [Symbol.asyncDispose]: closeOnce,
  }
}

interface Exchange {
  readonly handler: FetchHandler
  readonly message: IncomingMessage
  readonly to: ServerResponse
  readonly signal: AbortSignal
  readonly state: { readonly keepsAlive: boolean }
  readonly onError: ((error: unknown) => void) | undefined
}

async function answer(exchange: Exchange): Promise<void> {
  const { message, to, state } = exchange
  const response = await respond(exchange)
  if (!state.keepsAlive) to.shouldKeepAlive = false
  if (!to.destroyed) await sendResponse(response, to)
  if (!message.complete) discardRest(message)
}

async function respond({ handler, message, signal, onError }: Exchange): Promise<Response> {
  if (message.method === 'TRACE') return problem(405, { detail: 'The method TRACE is not answered.' })
  const request = requestOf(message, signal)
  if (request === undefined) return problem(400, { detail: 'The request target and Host make no HTTP URL.' })
  try {
    return await handler(request)
  } catch (error) {
    return problemFor(error, onError)
  }
}

const DISCARD_MS = 2_000

/**
 * Reads away what the client still sends of a body that nobody wants, for a while. Cutting the connection at once
 * would reset it under the answer, and the client would see a failed write in its place; not reading on would block
 * the connection's next request.
 */
function discardRest(message: IncomingMessage): void {
  const { socket } = message
  // The body's stream listens still, and would pause when it is full.
  message.removeAllListeners('data')
  message.resume()
  const timer = setTimeout(() => socket.destroy(), DISCARD_MS)
  message.once('close', () => clearTimeout(timer))
}

/** What node:http could not read as a request, or did not get in time. */
function refuseBadRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, title, detail] =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? [408, 'Request Timeout', 'The request did not come in time. Send it without pauses.']
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? [431, 'Request Header Fields Too Large', 'The headers of the request are too large.']
        : [400, 'Bad Request', 'This is not an HTTP/1.1 request.']
  const body = JSON.stringify({ type: 'about:blank', title, status, detail })
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\ncontent-type: application/problem+json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: Error & { code?: string }) => {
      const what = `Port ${port} on ${host}`
      const told =
        error.code === 'EADDRINUSE'
          ? `${what} is in use by another process. Stop it, or choose another port (0 takes a free one).`
          : error.code === 'EACCES'
            ? `${what} needs rights that this process does not have. Choose a port from 1024 on.`
            : `${what} cannot be listened on (${error.message}). Check the host and the port.`
      reject(new EvertError('CONNECTION', told, { cause: error }))
    })
    server.listen(port, host, () => {
      server.removeAllListeners('error')
      resolve()
    })
  })
}
