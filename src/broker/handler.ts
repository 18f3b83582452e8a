import type { Fields, Message, MessageInput } from '../wire/field.ts'
import type { Api } from '../wire/message.ts'
import type { RequestContext } from '../wire/request-handler.ts'
import type { BrokerServices } from './services.ts'

/** What answers one API key. Protocol errors are answered as codes; a throw is a bug or a disk that failed. */
export interface Handler {
  readonly api: Api
  /** The versions that are advertised and answered. */
  readonly versions: readonly [number, number]
  handle(request: Message<Fields>, call: Call): Promise<MessageInput<Fields>> | MessageInput<Fields>
}

export interface Call {
  readonly services: BrokerServices
  readonly version: number
  readonly context: RequestContext
}

/** Names the API and the versions served, and lets the request and response types follow from them. */
export function handler<Req extends Fields, Res extends Fields>(
  api: Api<Req, Res>,
  versions: readonly [number, number],
  handle: (request: Message<Req>, call: Call) => Promise<MessageInput<Res>> | MessageInput<Res>,
): Handler {
  return { api, versions, handle }
}
