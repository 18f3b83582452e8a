import type { IncomingMessage } from 'node:http'
import { EvertError } from '../errors.ts'

const BUFFERED_BYTES = 64 * 1024

/**
 * A web-standard Request for a request of node:http; undefined when its target or host makes no URL. The body flows
 * only as it is read; a reader that cancels leaves the socket open, so that an answer can still be sent.
 */
export function requestOf(message: IncomingMessage, signal: AbortSignal): Request | undefined {
  const { method = 'GET', url: target = '/' } = message
  if ((message.headersDistinct['host'] ?? []).length > 1) return undefined
  const text = target.startsWith('/') ? `http://${message.headers.host ?? 'localhost'}${target}` : target
  const url = URL.parse(text)
  if (url === null || url.protocol !== 'http:' || url.username !== '' || url.password !== '') return undefined
  const headers = new Headers()
  for (const [name, values] of Object.entries(message.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value)
  }
  const init: RequestInit = { method, headers, signal }
  if (method === 'GET' || method === 'HEAD') return new Request(url, init)
  return new Request(url, { ...init, body: bodyOf(message), duplex: 'half' })
}

function bodyOf(message: IncomingMessage): ReadableStream<Uint8Array> {
  let ended = false
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        message.pause()
        message.on('data', (chunk: Buffer) => {
          if (ended) return
          controller.enqueue(chunk)
          if ((controller.desiredSize ?? 0) <= 0) message.pause()
        })
        message.once('end', () => {
          if (!ended) controller.close()
          ended = true
        })
        message.once('error', error => {
          if (!ended)
            controller.error(new EvertError('CLOSED', 'The client closed the connection.', { cause: error }))
          ended = true
        })
      },
      pull() {
        message.resume()
      },
      cancel() {
        ended = true
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: BUFFERED_BYTES }),
  )
}
