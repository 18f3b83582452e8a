import { EvertError } from '../../src/errors.ts'
import type { Connection, Transport } from '../../src/client/connection.ts'
import type { Fields, Message, MessageInput } from '../../src/wire/field.ts'
import type { Api, RequestOf, ResponseInputOf } from '../../src/wire/message.ts'
import { findCoordinator } from '../../src/wire/messages/find-coordinator.ts'
import { initProducerId } from '../../src/wire/messages/init-producer-id.ts'
import { metadata } from '../../src/wire/messages/metadata.ts'

/** What a script answers: a message, `lost` (the connection breaks) or `silent` (no answer ever). */
export type Answer<A> = ResponseInputOf<A> | 'lost' | 'silent'

/** Answers by API; unknown requests are a fault of the script. `topic` has three partitions, all on one node. */
export class ScriptedTransport implements Transport {
  readonly bootstrap = [{ host: 'script', port: 1 }]
  readonly #answers = new Map<number, (request: never) => unknown>()

  constructor() {
    this.on(metadata, ({ topics }) => ({
      throttleTimeMs: 0,
      errorCode: 0,
      brokers: [{ nodeId: 1, host: 'script', port: 1 }],
      topics: (topics ?? []).map(({ name }) => ({
        errorCode: 0,
        name,
        topicId: Buffer.from(`${name}`.padEnd(16)).toString('base64url').slice(0, 22),
        partitions: [0, 1, 2].map(partitionIndex => ({
          errorCode: 0,
          partitionIndex,
          leaderId: 1,
          replicaNodes: [1],
          isrNodes: [1],
        })),
      })),
    }))
    this.on(findCoordinator, ({ coordinatorKeys }) => ({
      coordinators: coordinatorKeys.map(key => ({
        key,
        nodeId: 1,
        host: 'script',
        port: 1,
        errorCode: 0,
        errorMessage: null,
      })),
      errorCode: 0,
      errorMessage: null,
      nodeId: 1,
      host: '',
      port: 0,
    }))
    this.on(initProducerId, () => ({ throttleTimeMs: 0, errorCode: 0, producerId: 7, producerEpoch: 3 }))
  }

  on<Req extends Fields, Res extends Fields>(
    api: Api<Req, Res>,
    answer: (request: RequestOf<Api<Req, Res>>) => Answer<Api<Req, Res>>,
  ): void {
    this.#answers.set(api.key, answer)
  }

  async connect(): Promise<Connection> {
    return new ScriptedConnection(this.#answers)
  }

  async close(): Promise<void> {}
}

class ScriptedConnection implements Connection {
  readonly features = new Map([['transaction.version', 2]])
  readonly #answers: ReadonlyMap<number, (request: never) => unknown>
  readonly #waiting = new Set<(error: Error) => void>()
  isOpen = true

  constructor(answers: ReadonlyMap<number, (request: never) => unknown>) {
    this.#answers = answers
  }

  versionOf(api: Parameters<Connection['versionOf']>[0]): number {
    return api.versions[1]
  }

  send<Req extends Fields, Res extends Fields>(
    api: Api<Req, Res>,
    request: MessageInput<Req>,
  ): Promise<Message<Res>> {
    return new Promise((resolve, reject) => {
      const answer = this.#answers.get(api.key)?.(api.request.complete(request) as never)
      if (answer === undefined) throw new Error(`The script has no answer to ${api.name}.`)
      this.#waiting.add(reject)
      if (answer === 'lost') this.#lose()
      if (typeof answer === 'string') return
      this.#waiting.delete(reject)
      resolve(api.response.complete(answer as MessageInput<Res>))
    })
  }

  async close(): Promise<void> {
    this.#lose()
  }

  #lose(): void {
    this.isOpen = false
    const error = new EvertError('CONNECTION', 'Lost, as the script wanted.', { retryable: true })
    for (const reject of this.#waiting) reject(error)
    this.#waiting.clear()
  }
}
