import type { Fields, Message, MessageInput } from '../wire/field.ts'
import type { Api } from '../wire/message.ts'
import type { ClientCounts } from './client-counts.ts'
import type { ApiKey, Connection, SendOptions } from './connection.ts'

/** A connection whose requests are counted. */
export class CountedConnection implements Connection {
  readonly #connection: Connection
  readonly #counts: ClientCounts

  constructor(connection: Connection, counts: ClientCounts) {
    this.#connection = connection
    this.#counts = counts
  }

  get isOpen(): boolean {
    return this.#connection.isOpen
  }

  get features(): ReadonlyMap<string, number> {
    return this.#connection.features
  }

  send<Req extends Fields, Res extends Fields>(
    api: Api<Req, Res>,
    request: MessageInput<Req>,
    options?: SendOptions,
  ): Promise<Message<Res>> {
    const requests = this.#counts.requests(api.name)
    const sentMs = performance.now()
    const answer = this.#connection.send(api, request, options)
    requests.count++
    answer.then(
      () => {
        requests.ms += performance.now() - sentMs
      },
      () => {
        requests.ms += performance.now() - sentMs
        requests.errors++
      },
    )
    return answer
  }

  versionOf(api: ApiKey): number {
    return this.#connection.versionOf(api)
  }

  faultOf(topic: string, partition: number) {
    return this.#connection.faultOf?.(topic, partition)
  }

  close(): Promise<void> {
    return this.#connection.close()
  }
}
