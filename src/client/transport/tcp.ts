import { connect, type Socket } from 'node:net'
import { EvertError } from '../../errors.ts'
import { deferred } from '../../internal/deferred.ts'
import { errorCodes, errorName } from '../../wire/error-codes.ts'
import type { Fields, Message, MessageInput } from '../../wire/field.ts'
import type { Api, ResponseOf } from '../../wire/message.ts'
import { apiVersions } from '../../wire/messages/api-versions.ts'
import { decodeCorrelationId, decodeResponse, encodeRequest } from '../../wire/frame.ts'
import { Reader } from '../../wire/reader.ts'
import type { ApiKey, BrokerAddress, Connection, SendOptions, Transport } from '../connection.ts'
import { FrameReader } from './frames.ts'
import type { TransportOptions } from './options.ts'
import { type Abilities, abilitiesOf, commonVersion, requireVersion } from './versions.ts'

/** Brokers answer a fetch with at most one batch more than was asked for; this only bounds nonsense. */
const MAX_FRAME_BYTES = 512 * 1024 * 1024
const SOFTWARE = { clientSoftwareName: 'evert', clientSoftwareVersion: '0.1.0' }
const NOTHING_KNOWN: Abilities = { ranges: new Map(), features: new Map() }

/** Kafka's protocol over TCP, in plain text. */
export function tcpTransport(bootstrap: readonly BrokerAddress[], options: TransportOptions): Transport {
  return {
    bootstrap,
    connect: address => TcpConnection.open(address, options),
    close: async () => {},
  }
}

interface InFlight {
  readonly correlationId: number
  readonly name: string
  /** Decodes what follows the correlation id and resolves; throws what the bytes deserve. */
  answer(reader: Reader, frame: Buffer): void
  fail(error: EvertError): void
  cancelTimeout(): void
}

class TcpConnection implements Connection {
  readonly #socket: Socket
  readonly #options: TransportOptions
  readonly #peer: string
  readonly #inFlight: InFlight[] = []
  readonly #frames = new FrameReader(MAX_FRAME_BYTES, frame => this.#onFrame(frame))
  #abilities = NOTHING_KNOWN
  #nextCorrelationId = 1
  #isCorked = false
  #end: EvertError | undefined

  private constructor(socket: Socket, peer: string, options: TransportOptions) {
    this.#socket = socket
    this.#peer = peer
    this.#options = options
    socket.on('data', chunk => this.#onData(chunk))
    socket.on('error', cause => this.#fail(lost(peer, cause)))
    socket.on('close', () => this.#fail(lost(peer)))
  }

  static async open(address: BrokerAddress, options: TransportOptions): Promise<TcpConnection> {
    const peer = `${address.host}:${address.port}`
    const socket = connect({ ...address, noDelay: true, keepAlive: true })
    const opened = deferred<void>()
    socket.once('connect', () => opened.resolve())
    socket.once('error', cause =>
      opened.reject(
        new EvertError('CONNECTION', `Cannot connect to ${peer}: ${reasonOf(cause)}.`, {
          cause,
          retryable: true,
        }),
      ),
    )
    const cancel = options.clock.schedule(options.connectTimeoutMs, () =>
      opened.reject(
        new EvertError('CONNECTION', `No connection to ${peer} within ${options.connectTimeoutMs} ms.`, {
          retryable: true,
        }),
      ),
    )
    try {
      await opened.promise
      const connection = new TcpConnection(socket, peer, options)
      await connection.#handshake()
      return connection
    } catch (error) {
      socket.destroy()
      throw error
    } finally {
      cancel()
    }
  }

  get isOpen(): boolean {
    return this.#end === undefined
  }

  get features(): ReadonlyMap<string, number> {
    return this.#abilities.features
  }

  versionOf(api: ApiKey): number {
    return commonVersion(this.#abilities, api)
  }

  async send<Req extends Fields, Res extends Fields>(
    api: Api<Req, Res>,
    request: MessageInput<Req>,
    options: SendOptions = {},
  ): Promise<Message<Res>> {
    if (this.#end !== undefined) throw this.#end
    const version = requireVersion(this.#abilities, api, options.maxVersion)
    return this.#exchange(api, version, request, options.timeoutMs, reader =>
      decodeResponse(api, version, reader),
    )
  }

  async close(): Promise<void> {
    this.#fail(new EvertError('CLOSED', `The connection to ${this.#peer} was closed by this side.`))
  }

  /** ApiVersions: a broker that does not know our version answers in version 0 with error 35 and its own range. */
  async #handshake(): Promise<void> {
    let answer = await this.#askVersions(apiVersions.versions[1])
    if (answer.errorCode === errorCodes.UNSUPPORTED_VERSION) {
      const known = answer.apiKeys.find(({ apiKey }) => apiKey === apiVersions.key)
      answer = await this.#askVersions(Math.min(known?.maxVersion ?? 0, apiVersions.versions[1]))
    }
    if (answer.errorCode !== 0) {
      throw new EvertError(
        'UNSUPPORTED_VERSION',
        `${this.#peer} refused ApiVersions: ${errorName(answer.errorCode)}.`,
      )
    }
    this.#abilities = abilitiesOf(answer)
  }

  #askVersions(version: number): Promise<ResponseOf<typeof apiVersions>> {
    const { connectTimeoutMs } = this.#options
    return this.#exchange(apiVersions, version, SOFTWARE, connectTimeoutMs, (reader, frame) => {
      const isRefused = frame.readInt16BE(reader.position) === errorCodes.UNSUPPORTED_VERSION
      return decodeResponse(apiVersions, isRefused ? 0 : version, reader)
    })
  }

  #exchange<Req extends Fields, Res extends Fields>(
    api: Api<Req, Res>,
    version: number,
    request: MessageInput<Req>,
    timeoutMs = this.#options.requestTimeoutMs,
    decode: (reader: Reader, frame: Buffer) => Message<Res>,
  ): Promise<Message<Res>> {
    const correlationId = this.#nextCorrelationId
    this.#nextCorrelationId = (correlationId + 1) % 2 ** 31
    this.#write(encodeRequest(api, version, correlationId, this.#options.clientId, request))
    return new Promise((resolve, reject) => {
      this.#inFlight.push({
        correlationId,
        name: api.name,
        answer: (reader, frame) => resolve(decode(reader, frame)),
        fail: reject,
        cancelTimeout: this.#options.clock.schedule(timeoutMs, () =>
          this.#onTimeout(correlationId, timeoutMs),
        ),
      })
    })
  }

  /** Everything that is sent in one turn of the event loop leaves in one writev. */
  #write(chunks: readonly Buffer[]): void {
    if (!this.#isCorked) {
      this.#isCorked = true
      this.#socket.cork()
      process.nextTick(() => {
        this.#isCorked = false
        this.#socket.uncork()
      })
    }
    for (const chunk of chunks) this.#socket.write(chunk)
  }

  #onData(chunk: Buffer): void {
    if (this.#end !== undefined) return
    try {
      this.#frames.push(chunk)
    } catch (cause) {
      this.#fail(lost(this.#peer, cause))
    }
  }

  #onFrame(frame: Buffer): void {
    const reader = new Reader(frame)
    const correlationId = decodeCorrelationId(reader)
    const head = this.#inFlight[0]
    if (head === undefined || head.correlationId !== correlationId) {
      throw new EvertError('MALFORMED_BYTES', `Answer ${correlationId} was not asked for.`)
    }
    head.answer(reader, frame)
    this.#inFlight.shift()
    head.cancelTimeout()
  }

  #onTimeout(correlationId: number, timeoutMs: number): void {
    const overdue = this.#inFlight.findIndex(request => request.correlationId === correlationId)
    if (overdue < 0) return
    const [request] = this.#inFlight.splice(overdue, 1) as [InFlight]
    const error = new EvertError(
      'TIMEOUT',
      `${this.#peer} did not answer ${request.name} within ${timeoutMs} ms.`,
      { retryable: true },
    )
    request.fail(error)
    this.#fail(lost(this.#peer, error))
  }

  #fail(error: EvertError): void {
    if (this.#end !== undefined) return
    this.#end = error
    this.#socket.destroy()
    for (const request of this.#inFlight.splice(0)) {
      request.cancelTimeout()
      request.fail(error)
    }
  }
}

/** Of a name with several addresses each has its own error, and the whole has no words. */
function reasonOf(cause: Error): string {
  return cause instanceof AggregateError
    ? cause.errors.map(error => (error as Error).message).join(', ')
    : cause.message
}

function lost(peer: string, cause?: unknown): EvertError {
  return new EvertError('CONNECTION', `The connection to ${peer} was lost.`, { cause, retryable: true })
}
