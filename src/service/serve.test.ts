import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { z } from 'zod'
import { deferred } from '../internal/deferred.ts'
import { router } from './router.ts'
import { serve } from './serve.ts'

const echo = router().post('/echo', async ({ json }) => Response.json(await json(z.unknown())))

/** Sends text on a socket and returns all that comes back until the server ends. */
async function exchange(socket: Socket, ...parts: string[]): Promise<string> {
  let received = ''
  socket.setEncoding('utf8')
  socket.on('data', (text: string) => {
    received += text
  })
  const closed = once(socket, 'close')
  for (const part of parts) socket.write(part)
  await closed
  return received
}

test('requests and answers pass through a socket, several on one connection', async () => {
  await using server = await serve(echo.fetch, { port: 0 })
  for (const value of [{ a: 'é' }, 'x'.repeat(500_000), [1, 2]]) {
    const response = await fetch(`${server.url}/echo`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(value),
    })
    assert.equal(response.status, 200)
    assert.deepEqual(await response.json(), value)
  }
})

test('a chunked body is refused as soon as it passes the limit, and the answer arrives', async () => {
  await using server = await serve(echo.fetch, { port: 0 })
  const chunk = Buffer.alloc(64 * 1024, 0x20)
  let sent = 0
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent += chunk.length
      controller.enqueue(chunk)
      // Far more than the limit, far less than an endless body.
      if (sent >= 8 * 1024 * 1024) controller.close()
    },
  })
  const response = await fetch(`${server.url}/echo`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    duplex: 'half',
  })
  assert.equal(response.status, 400)
  assert.equal(response.headers.get('content-type'), 'application/problem+json')
  assert.match(await response.text(), /larger than 1048576 bytes/)
})

test('an announced length over the limit is refused before the body comes', async () => {
  await using server = await serve(echo.fetch, { port: 0 })
  const socket = connect(server.port, '127.0.0.1')
  socket.write(
    'POST /echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2000000\r\n\r\n',
  )
  const [answer] = await once(socket, 'data')
  assert.match(String(answer), /^HTTP\/1\.1 400 /)
  socket.destroy()
})

test('the rest of a refused body is read away, and the connection goes on', async () => {
  await using server = await serve(echo.fetch, { port: 0 })
  const large = 'x'.repeat(4 * 1024 * 1024)
  const answers = await exchange(
    connect(server.port, '127.0.0.1'),
    `POST /echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${large.length}\r\n\r\n`,
    large,
    'POST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 4\r\n\r\ntrue',
  )
  assert.match(answers, /^HTTP\/1\.1 400 .*HTTP\/1\.1 200 .*true/s)
})

test('a client that goes away aborts the signal of its request', async () => {
  const started = deferred<AbortSignal>()
  const never = deferred<Response>()
  await using server = await serve(
    request => {
      started.resolve(request.signal)
      return never.promise
    },
    { port: 0 },
  )
  const socket = connect(server.port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  const signal = await started.promise
  assert.equal(signal.aborted, false)
  const aborted = once(signal, 'abort')
  socket.destroy()
  await aborted
  assert.equal(signal.reason.code, 'CLOSED')
  never.resolve(new Response())
})

test('a body that breaks off fails its reader, and is no error of the service', async () => {
  const outcome = deferred<unknown>()
  const reported: unknown[] = []
  await using server = await serve(
    async request => {
      outcome.resolve(await request.text().catch((error: unknown) => error))
      return echo.fetch(request)
    },
    { port: 0, onError: error => reported.push(error) },
  )
  const socket = connect(server.port, '127.0.0.1')
  socket.write('POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf')
  await once(socket, 'connect')
  socket.end()
  const error = await outcome.promise
  assert.ok(error instanceof Error)
  assert.deepEqual(reported, [])
})

test('a client that cancels a stream cancels its source', async () => {
  const cancelled = deferred<void>()
  await using server = await serve(
    () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            controller.enqueue(Buffer.from('data: 1\n\n'))
          },
          cancel() {
            cancelled.resolve()
          },
        }),
        { headers: { 'content-type': 'text/event-stream' } },
      ),
    { port: 0 },
  )
  const response = await fetch(server.url)
  const reader = response.body?.getReader()
  assert.match(Buffer.from((await reader?.read())?.value ?? []).toString(), /^data: 1/)
  await reader?.cancel()
  await cancelled.promise
})

test('each part of a stream arrives before the next is there, headers first', async () => {
  const first = deferred<void>()
  const second = deferred<void>()
  await using server = await serve(
    () =>
      new Response(
        new ReadableStream({
          async start(controller) {
            await first.promise
            controller.enqueue(Buffer.from('one'))
            await second.promise
            controller.enqueue(Buffer.from('two'))
            controller.close()
          },
        }),
      ),
    { port: 0 },
  )
  const reader = (await fetch(server.url)).body?.getReader()
  first.resolve()
  assert.equal(Buffer.from((await reader?.read())?.value ?? []).toString(), 'one')
  second.resolve()
  assert.equal(Buffer.from((await reader?.read())?.value ?? []).toString(), 'two')
})

test('a body that fails midway cuts the connection, and is reported', async () => {
  const reported: unknown[] = []
  await using server = await serve(
    () =>
      new Response(
        new ReadableStream({
          start(controller) {
            controller.enqueue(Buffer.from('half'))
          },
          pull(controller) {
            controller.error(new Error('broken'))
          },
        }),
      ),
    { port: 0, onError: error => reported.push(error) },
  )
  await assert.rejects(async () => (await fetch(server.url)).text())
  assert.deepEqual(reported.map(String), ['Error: broken'])
})

test('slow clients are cut off: in the headers, and in the body', async () => {
  await using server = await serve(echo.fetch, { port: 0, headersTimeoutMs: 100, requestTimeoutMs: 200 })
  const answers = await Promise.all([
    exchange(connect(server.port, '127.0.0.1'), 'POST /echo HTTP/1.1\r\nhost'),
    exchange(
      connect(server.port, '127.0.0.1'),
      'POST /echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n[1,',
    ),
  ])
  for (const answer of answers) {
    assert.match(answer, /^HTTP\/1\.1 408 Request Timeout\r\ncontent-type: application\/problem\+json/)
  }
})

/** Bytes on the socket and the status line that answers them. */
const raw: [name: string, bytes: string, status: RegExp][] = [
  ['no HTTP', 'hello\r\n\r\n', /^HTTP\/1\.1 400 .*problem\+json/s],
  ['two hosts', 'GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n', /^HTTP\/1\.1 400 /],
  ['a host that is none', 'GET / HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n', /^HTTP\/1\.1 400 /],
  [
    'credentials in the host',
    'GET / HTTP/1.1\r\nhost: u:p@h\r\nconnection: close\r\n\r\n',
    /^HTTP\/1\.1 400 /,
  ],
  ['no host', 'GET / HTTP/1.1\r\nconnection: close\r\n\r\n', /^HTTP\/1\.1 400 /],
  [
    'a path that looks like a host',
    'GET //evil/echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
    /^HTTP\/1\.1 404 .*\/\/evil\/echo/s,
  ],
  ['TRACE', 'TRACE / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', /^HTTP\/1\.1 405 /],
  [
    'large headers',
    `GET / HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`,
    /^HTTP\/1\.1 431 .*problem\+json/s,
  ],
  [
    'two lengths',
    'POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n',
    /^HTTP\/1\.1 400 /,
  ],
]

test('requests that are none are refused', async () => {
  await using server = await serve(echo.fetch, { port: 0 })
  for (const [name, bytes, status] of raw) {
    assert.match(await exchange(connect(server.port, '127.0.0.1'), bytes), status, name)
  }
})

test('closing lets running requests end, and takes no new ones', async () => {
  const started = deferred<void>()
  const finish = deferred<Response>()
  const server = await serve(
    () => {
      started.resolve()
      return finish.promise
    },
    { port: 0 },
  )
  const response = fetch(server.url)
  await started.promise
  const closed = server.close()
  await assert.rejects(fetch(server.url))
  finish.resolve(new Response('done'))
  assert.equal((await response).headers.get('connection'), 'close')
  assert.equal(await (await response).text(), 'done')
  await closed
})

test('closing aborts what does not end within the grace time', async () => {
  const started = deferred<AbortSignal>()
  const server = await serve(
    request => {
      started.resolve(request.signal)
      return deferred<Response>().promise
    },
    { port: 0, graceMs: 20 },
  )
  const response = assert.rejects(fetch(server.url))
  const signal = await started.promise
  await server.close()
  assert.equal(signal.aborted, true)
  await response
})

test('a port in use is refused with what to do', async () => {
  await using server = await serve(echo.fetch, { port: 0 })
  await assert.rejects(serve(echo.fetch, { port: server.port }), {
    code: 'CONNECTION',
    message: /Port \d+ on 127\.0\.0\.1 is in use by another process\. Stop it, or choose another port/,
  })
})
