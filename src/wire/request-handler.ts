import type { EvertError } from '../errors.ts'
import type { Fields, Message, MessageInput } from './field.ts'
import type { Api } from './message.ts'

/**
 * What answers typed protocol messages in the same process: the embedded broker. The in-process transport calls it
 * with the message objects themselves; record batches inside them are the bytes that would have crossed the wire.
 *
 * Contract: the request is complete (every field present, as a decoder gives it) and must not be mutated; `version`
 * is one that `apiVersions()` names. Errors of the protocol are answered as error codes, never thrown; a throw is a
 * bug, a closed broker, or a disk that failed under all partitions alike. The answer may hold slices of memory that the broker keeps: read-only for the caller.
 */
export interface RequestHandler {
  /** The APIs and version ranges that `handle` answers. */
  apiVersions(): readonly {
    readonly apiKey: number
    readonly minVersion: number
    readonly maxVersion: number
  }[]
  handle<Req extends Fields, Res extends Fields>(
    api: Api<Req, Res>,
    version: number,
    request: Message<Req>,
    context: RequestContext,
  ): Promise<MessageInput<Res>>
}

export interface RequestContext {
  readonly clientId: string
  /** Address of the peer, `in-process` for a function call. */
  readonly peer: string
  /** Aborted when the peer went away: a long poll may end early. */
  readonly signal: AbortSignal
  /**
   * Of a caller in the same process: told what storage said of a partition before the answer that refuses it, which
   * has room for a code only.
   */
  readonly onFault?: (topic: string, partition: number, error: EvertError) => void
}
