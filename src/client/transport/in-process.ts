import { EvertError, isEvertError } from '../../errors.ts'
import type { Fields, Message, MessageInput } from '../../wire/field.ts'
import type { Api } from '../../wire/message.ts'
import { apiVersions } from '../../wire/messages/api-versions.ts'
import type { RequestContext, RequestHandler } from '../../wire/request-handler.ts'
import type { ApiKey, BrokerAddress, Connection, SendOptions, Transport } from '../connection.ts'
import { holdProcess } from '../../internal/hold-process.ts'
import type { TransportOptions } from './options.ts'
import { type Abilities, abilitiesOf, commonVersion, requireVersion } from './versions.ts'

const HERE: BrokerAddress = { host: 'in-process', port: 0 }

/**
 * A broker of the same process: requests and answers are passed as the objects they are. `close` is what releases
 * the broker, if it belongs to this transport.
 */
export function inProcessTransport(
  handler: RequestHandler,
  options: TransportOptions,
  close: () => Promise<void> = async () => {},
): Transport {
  return { bootstrap: [HERE], connect: () => InProcessConnection.open(handler, options), close }
}

class InProcessConnection implements Connection {
  readonly #handler: RequestHandler
  readonly #options: TransportOptions
  readonly #gone = new AbortController()
  readonly #context: RequestContext
  /** What storage said last of a partition that it refused, by `partition/topic`. */
  readonly #faults = new Map<string, EvertError>()
  readonly #rejects = new Set<(error: EvertError) => void>()
  #abilities: Abilities
  #previous: Promise<unknown> = Promise.resolve()
  #end: EvertError | undefined

  private constructor(handler: RequestHandler, options: TransportOptions) {
    this.#handler = handler
    this.#options = options
    this.#context = {
      clientId: options.clientId,
      peer: HERE.host,
      signal: this.#gone.signal,
      onFault: (topic, partition, error) => this.#faults.set(`${partition}/${topic}`, error),
    }
    this.#abilities = abilitiesOf({ apiKeys: [...handler.apiVersions()], finalizedFeatures: [] })
  }

  static async open(handler: RequestHandler, options: TransportOptions): Promise<InProcessConnection> {
    const connection = new InProcessConnection(handler, options)
    connection.#abilities = abilitiesOf(await connection.send(apiVersions, {}))
    return connection
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

  faultOf(topic: string, partition: number): EvertError | undefined {
    return this.#faults.get(`${partition}/${topic}`)
  }

  send<Req extends Fields, Res extends Fields>(
    api: Api<Req, Res>,
    request: MessageInput<Req>,
    { maxVersion, timeoutMs = this.#options.requestTimeoutMs }: SendOptions = {},
  ): Promise<Message<Res>> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) throw this.#end
      const version = requireVersion(this.#abilities, api, maxVersion)
      const release = holdProcess()
      const settle = (): void => {
        release()
        cancelTimeout()
        this.#rejects.delete(fail)
      }
      const fail = (error: unknown): void => {
        settle()
        reject(error)
      }
      const cancelTimeout = this.#options.clock.schedule(timeoutMs, () => {
        const error = new EvertError(
          'TIMEOUT',
          `The embedded broker did not answer ${api.name} within ${timeoutMs} ms.`,
          { retryable: true },
        )
        fail(error)
        this.#fail(lost(error))
      })
      this.#rejects.add(fail)

      const answer = this.#handler.handle(api, version, api.request.complete(request), this.#context)
      const inOrder = this.#previous.then(() => answer)
      this.#previous = inOrder.catch(() => {})
      inOrder.then(
        // On a later turn of the event loop, as from a socket: loops over an embedded log starve nobody.
        message =>
          setImmediate(() => {
            settle()
            resolve(api.response.complete(message))
          }),
        // A broker that was closed may be opened again; what its storage says (DISK) is not for trying again.
        cause => fail(isEvertError(cause, 'CLOSED') ? lost(cause) : cause),
      )
    })
  }

  async close(): Promise<void> {
    this.#fail(new EvertError('CLOSED', 'The connection to the embedded broker was closed by this side.'))
  }

  #fail(error: EvertError): void {
    if (this.#end !== undefined) return
    this.#end = error
    this.#gone.abort()
    for (const reject of this.#rejects) reject(error)
  }
}

function lost(cause: EvertError): EvertError {
  return new EvertError('CONNECTION', 'The embedded broker did not answer.', { cause, retryable: true })
}
