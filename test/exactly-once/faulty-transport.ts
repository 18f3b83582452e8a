import { EvertError } from '../../src/errors.ts'
import type { Connection, SendOptions, Transport } from '../../src/client/connection.ts'
import { errorCodes } from '../../src/wire/error-codes.ts'
import type { Fields, Message, MessageInput } from '../../src/wire/field.ts'
import type { Api, RequestInputOf } from '../../src/wire/message.ts'
import { produce } from '../../src/wire/messages/produce.ts'

/** How often each fault happens, 0 to 1 per request. */
export interface Faults {
  readonly random: () => number
  /** The connection breaks before the broker sees the request. */
  lostRequest: number
  /** The broker acts, and the connection breaks before its answer arrives. */
  lostAnswer: number
  /** The broker refuses a Produce as a node that does not lead (any more), without acting. */
  refusedProduce: number
}

/** A transport whose connections break at random; `counts` says how often each fault happened. */
export function faultyTransport(
  inner: Transport,
  faults: Faults,
): Transport & { readonly counts: Record<'lostRequest' | 'lostAnswer' | 'refusedProduce', number> } {
  const counts = { lostRequest: 0, lostAnswer: 0, refusedProduce: 0 }
  return {
    counts,
    bootstrap: inner.bootstrap,
    connect: async address => new FaultyConnection(await inner.connect(address), faults, counts),
    close: () => inner.close(),
  }
}

class FaultyConnection implements Connection {
  readonly #inner: Connection
  readonly #faults: Faults
  readonly #counts: Record<'lostRequest' | 'lostAnswer' | 'refusedProduce', number>
  readonly #waiting = new Set<(error: Error) => void>()
  #end: Error | undefined

  constructor(
    inner: Connection,
    faults: Faults,
    counts: Record<'lostRequest' | 'lostAnswer' | 'refusedProduce', number>,
  ) {
    this.#inner = inner
    this.#faults = faults
    this.#counts = counts
  }

  get isOpen(): boolean {
    return this.#end === undefined && this.#inner.isOpen
  }

  get features(): ReadonlyMap<string, number> {
    return this.#inner.features
  }

  versionOf(api: Parameters<Connection['versionOf']>[0]): number {
    return this.#inner.versionOf(api)
  }

  send<Req extends Fields, Res extends Fields>(
    api: Api<Req, Res>,
    request: MessageInput<Req>,
    options?: SendOptions,
  ): Promise<Message<Res>> {
    const { random, lostRequest, lostAnswer, refusedProduce } = this.#faults
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) throw this.#end
      const fate = random()
      this.#waiting.add(reject)
      if (fate < lostRequest) {
        this.#counts.lostRequest++
        this.#break()
        return
      }
      if (api.key === produce.key && fate > 1 - refusedProduce) {
        this.#counts.refusedProduce++
        this.#waiting.delete(reject)
        const refusal = refuse(request as unknown as RequestInputOf<typeof produce>)
        resolve(api.response.complete(refusal as unknown as MessageInput<Res>))
        return
      }
      this.#inner.send(api, request, options).then(
        answer => {
          this.#waiting.delete(reject)
          resolve(answer)
        },
        error => {
          this.#waiting.delete(reject)
          reject(error)
        },
      )
      if (fate < lostRequest + lostAnswer) {
        this.#counts.lostAnswer++
        this.#break()
      }
    })
  }

  async close(): Promise<void> {
    await this.#inner.close()
  }

  #break(): void {
    this.#end = new EvertError('CONNECTION', 'The connection broke, as the test wanted.', { retryable: true })
    for (const reject of this.#waiting) reject(this.#end)
    this.#waiting.clear()
  }
}

function refuse(request: RequestInputOf<typeof produce>) {
  return {
    responses: request.topicData.map(({ name = '', topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index }) => ({
        index,
        errorCode: errorCodes.NOT_LEADER_OR_FOLLOWER,
        baseOffset: -1,
      })),
    })),
  }
}
