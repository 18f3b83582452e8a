import type { EvertError } from '../errors.ts'
import type { MetricSheet } from '../internal/metric.ts'
import type { Fields, Message, MessageInput } from '../wire/field.ts'
import type { Api } from '../wire/message.ts'

/**
 * One ordered channel to one broker, over TCP or in process: the only seam between Evert's engine and a log.
 *
 * Contract: requests of one connection are answered in order, so a long poll delays what is sent after it: each
 * component that polls opens its own connection. `send` picks the highest version that both sides know within
 * `maxVersion`. It throws CONNECTION (retryable) when the channel was lost before the answer came (the broker
 * may or may not have acted), TIMEOUT (retryable) when the answer is overdue (the channel is then lost too),
 * CLOSED after close(), UNSUPPORTED_VERSION when there is no common version, and in process what the broker's storage
 * throws (DISK). Protocol error codes inside the
 * answer are the caller's to read. The request's byte fields must not change until the answer came.
 */
export interface Connection {
  /** False once the channel was lost or closed; it never comes back. */
  readonly isOpen: boolean
  /** Finalised features of the broker's cluster by name, such as `transaction.version`. */
  readonly features: ReadonlyMap<string, number>
  send<Req extends Fields, Res extends Fields>(
    api: Api<Req, Res>,
    request: MessageInput<Req>,
    options?: SendOptions,
  ): Promise<Message<Res>>
  /** The highest common version for an API, or -1. */
  versionOf(api: ApiKey): number
  /**
   * Why storage refused a partition, when an answer just said so by CORRUPT_MESSAGE or KAFKA_STORAGE_ERROR and the
   * broker is in this process. There is no other replica to hope for then: asking again is in vain.
   */
  faultOf?(topic: string, partition: number): EvertError | undefined
  close(): Promise<void>
}

/** What `versionOf` needs of an API. */
export type ApiKey = Pick<Api, 'key' | 'versions'>

export interface SendOptions {
  /** Default: the API's newest version. */
  readonly maxVersion?: number
  /** How long to wait for the answer, on top of any wait that the request itself asks for. Default 30 000. */
  readonly timeoutMs?: number
}

/** Opens connections for one kind of cluster URL. */
export interface Transport {
  /** Nodes to ask first, before any metadata is known. */
  readonly bootstrap: readonly BrokerAddress[]
  connect(address: BrokerAddress): Promise<Connection>
  /** What a broker in this process has counted. */
  report?(sheet: MetricSheet): void
  /** Releases what the transport owns: an embedded broker, for example. */
  close(): Promise<void>
}

export interface BrokerAddress {
  readonly host: string
  readonly port: number
}
