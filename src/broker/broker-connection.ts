import type { Socket } from 'node:net'
import { isEvertError } from '../errors.ts'
import { errorCodes } from '../wire/error-codes.ts'
import { decodeRequest, decodeRequestHeader, encodeResponse, type RequestHeader } from '../wire/frame.ts'
import { apiVersions } from '../wire/messages/api-versions.ts'
import { produce } from '../wire/messages/produce.ts'
import { malformed, Reader } from '../wire/reader.ts'
import type { RequestContext, RequestHandler } from '../wire/request-handler.ts'
import { FrameReader } from './frame-reader.ts'
import type { Handler } from './handler.ts'

interface ConnectionOptions {
  readonly broker: RequestHandler
  readonly handlers: ReadonlyMap<number, Handler>
  readonly maxFrameBytes: number
}

/** What may wait behind the running request; the socket is read on so that the client's end is noticed. */
const MAX_WAITING_BYTES = 1024 * 1024

/**
 * One client's connection. Requests run one at a time, so answers are in order; while one runs, little more is read
 * from the socket, and while the client does not read its answers, nothing more is run. Bytes that are no request
 * end this connection and touch nothing else.
 */
export class BrokerConnection {
  readonly #socket: Socket
  readonly #options: ConnectionOptions
  readonly #frames: FrameReader
  readonly #gone = new AbortController()
  readonly #peer: string
  #busy: Promise<void> | undefined
  #draining = false

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket
    this.#options = options
    this.#frames = new FrameReader(options.maxFrameBytes)
    this.#peer = `${socket.remoteAddress}:${socket.remotePort}`
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    // A client that ends its side has gone: what it asked for has no reader.
    socket.on('end', () => this.#drop())
    // Nothing to tell: the client is gone, and `close` follows.
    socket.on('error', () => {})
    socket.once('close', () => this.#gone.abort())
  }

  /** Lets the running request be answered, then closes. */
  async drain(): Promise<void> {
    this.#draining = true
    // What came while the last request ran is not begun any more.
    await this.#busy
    if (this.#socket.destroyed) return
    await new Promise<void>(resolve => {
      this.#socket.once('close', () => resolve())
      this.#socket.end(() => this.#socket.destroy())
    })
  }

  #receive(chunk: Buffer): void {
    try {
      this.#frames.push(chunk)
    } catch (error) {
      this.#fail(error)
      return
    }
    if (this.#busy === undefined) {
      // Not inside serve(): it may end before its promise is kept here.
      this.#busy = this.#serve().finally(() => {
        this.#busy = undefined
      })
    } else if (this.#frames.sizeBytes > MAX_WAITING_BYTES) this.#socket.pause()
  }

  async #serve(): Promise<void> {
    try {
      while (!this.#draining && !this.#socket.destroyed) {
        const frame = this.#frames.next()
        // A frame larger than the limit must be read to its end: nothing runs that could let it wait.
        const mayRead = frame === undefined || this.#frames.sizeBytes <= MAX_WAITING_BYTES
        if (this.#socket.isPaused() && mayRead) this.#socket.resume()
        if (frame === undefined) break
        const answer = await this.#answer(frame)
        if (answer !== undefined && !this.#socket.destroyed) await this.#write(answer)
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  async #answer(frame: Buffer): Promise<Buffer[] | undefined> {
    const reader = new Reader(frame)
    const header = decodeRequestHeader(reader)
    const { apiKey, apiVersion, correlationId } = header
    const found = this.#options.handlers.get(apiKey)
    const isKnown = found !== undefined && apiVersion >= found.versions[0] && apiVersion <= found.versions[1]
    if (!isKnown) {
      if (apiKey === apiVersions.key) return this.#refuseApiVersions(header)
      throw malformed(`API key ${apiKey} v${apiVersion} is not served`)
    }
    const request = decodeRequest(found.api, apiVersion, reader)
    const context: RequestContext = {
      clientId: header.clientId ?? '',
      peer: this.#peer,
      signal: this.#gone.signal,
    }
    const response = await this.#options.broker.handle(found.api, apiVersion, request, context)
    const isSilent = apiKey === produce.key && (request as { acks?: number }).acks === 0
    return isSilent ? undefined : encodeResponse(found.api, apiVersion, correlationId, response)
  }

  /** A client newer than we are learns by a v0 answer what to fall back to. */
  #refuseApiVersions({ correlationId }: RequestHeader): Buffer[] {
    return encodeResponse(apiVersions, 0, correlationId, {
      errorCode: errorCodes.UNSUPPORTED_VERSION,
      apiKeys: [...this.#options.broker.apiVersions()],
    })
  }

  async #write(chunks: readonly Buffer[]): Promise<void> {
    this.#socket.cork()
    let isFull = false
    for (const chunk of chunks) isFull = !this.#socket.write(chunk)
    this.#socket.uncork()
    if (!isFull || !this.#socket.writableNeedDrain) return
    await new Promise<void>(resolve => {
      const proceed = (): void => {
        this.#socket.off('drain', proceed)
        this.#socket.off('close', proceed)
        resolve()
      }
      this.#socket.on('drain', proceed)
      this.#socket.on('close', proceed)
    })
  }

  #fail(error: unknown): void {
    this.#drop()
    // The client's bad bytes and our closing are its affair; a failed disk, or a bug of ours, is not kept quiet.
    if (isEvertError(error, 'MALFORMED_BYTES') || isEvertError(error, 'CLOSED')) return
    process.emitWarning(error instanceof Error ? error : String(error))
  }

  #drop(): void {
    this.#gone.abort()
    this.#socket.destroy()
  }
}
