import { once } from 'node:events'
import type { ServerResponse } from 'node:http'

/**
 * Writes a web-standard Response, at the pace of its reader. Resolves when it is written or the client is gone; then
 * the body is cancelled. Rejects when the body fails midway: the connection is cut, so that nobody takes the part for
 * the whole.
 */
export async function sendResponse(response: Response, to: ServerResponse): Promise<void> {
  to.statusCode = response.status
  const cookies = response.headers.getSetCookie()
  for (const [name, value] of response.headers) if (name !== 'set-cookie') to.setHeader(name, value)
  if (cookies.length > 0) to.setHeader('set-cookie', cookies)
  if (response.body === null) {
    to.end()
    return
  }
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader()
  const gone = new AbortController()
  to.once('close', () => {
    gone.abort()
    // Cancelling a body that is read to its end does nothing; one that fails to cancel has no one left to hear it.
    reader.cancel().catch(() => undefined)
  })
  try {
    to.flushHeaders()
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      if (!to.write(chunk.value)) await once(to, 'drain', { signal: gone.signal })
    }
    to.end()
  } catch (error) {
    if (gone.signal.aborted) return
    to.destroy()
    throw error
  }
}
