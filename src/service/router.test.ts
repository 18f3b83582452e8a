import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { EvertError } from '../errors.ts'
import { health } from './health.ts'
import { problem } from './problem.ts'
import { router } from './router.ts'

const Order = z.strictObject({
  id: z.string(),
  quantity: z.int().positive(),
  state: z.enum(['CREATED']).default('CREATED'),
  lines: z.array(z.strictObject({ price: z.number() })).default([]),
})

const placed: unknown[] = []
const reported: unknown[] = []

const api = router({ bodyLimitBytes: 200, onError: error => reported.push(error) })
  .get('/v1/orders', () => Response.json([]))
  .post('/v1/orders', async ({ json }) => {
    placed.push(await json(Order))
    return new Response(null, { status: 201 })
  })
  .get('/v1/orders/:id', ({ params }) => Response.json({ id: params.id }))
  .get('/v1/orders/latest', () => Response.json({ latest: true }))
  .delete('/v1/orders/:id/lines/:line', ({ params }) => Response.json([params.id, params.line]))
  .get('/files/*', ({ params }) => Response.json({ path: params['*'] }))
  .get('/conflict', () => problem(409, { detail: 'Taken.', field: 'id', valid: ['a', 'b'] }))
  .get('/fail/:code', ({ params }) => {
    throw new EvertError(params.code as 'TIMEOUT', 'secret or not', {
      retryable: params.code === 'CONNECTION',
    })
  })
  .get('/bug', () => {
    throw new TypeError('secret')
  })
  .include(health({ ready: () => ['Task 0_1 restores.', 'Task 0_2 restores.'] }))

const json = { 'content-type': 'application/json' }

interface Case {
  does: string
  send: [method: string, path: string, body?: string | Uint8Array, headers?: Record<string, string>]
  status: number
  body?: unknown
  /** Of a problem. */
  detail?: RegExp
  field?: string
  headers?: Record<string, string>
}

const cases: Case[] = [
  { does: 'answers a literal path', send: ['GET', '/v1/orders'], status: 200, body: [] },
  { does: 'gives path parameters', send: ['GET', '/v1/orders/a%20%2F'], status: 200, body: { id: 'a /' } },
  { does: 'gives several', send: ['DELETE', '/v1/orders/7/lines/2'], status: 200, body: ['7', '2'] },
  {
    does: 'prefers the literal path',
    send: ['GET', '/v1/orders/latest'],
    status: 200,
    body: { latest: true },
  },
  { does: 'takes the rest of a path', send: ['GET', '/files/a/b%20c'], status: 200, body: { path: 'a/b c' } },
  { does: 'says that nothing is there', send: ['GET', '/v2'], status: 404, detail: /nothing at \/v2/ },
  { does: 'has no empty parameters', send: ['GET', '/v1/orders/'], status: 404 },
  { does: 'has no prototype paths', send: ['GET', '/__proto__'], status: 404 },
  {
    does: 'refuses a broken encoding',
    send: ['GET', '/v1/orders/%ff'],
    status: 400,
    detail: /percent-encoding/,
  },
  {
    does: 'says which methods are allowed',
    send: ['PUT', '/v1/orders'],
    status: 405,
    detail: /does not answer PUT/,
    headers: { allow: 'GET, HEAD, OPTIONS, POST' },
  },
  {
    does: 'answers OPTIONS',
    send: ['OPTIONS', '/v1/orders/1'],
    status: 204,
    headers: { allow: 'GET, HEAD, OPTIONS' },
  },
  { does: 'answers HEAD', send: ['HEAD', '/v1/orders'], status: 200, headers: json },
  { does: 'answers OPTIONS of nothing', send: ['OPTIONS', '/nothing'], status: 404 },
  { does: 'takes a body', send: ['POST', '/v1/orders', '{"id":"1","quantity":2}', json], status: 201 },
  {
    does: 'takes kinds of JSON',
    send: [
      'POST',
      '/v1/orders',
      '{"id":"1","quantity":2}',
      { 'content-type': 'Application/vnd.a+JSON; charset=utf-8' },
    ],
    status: 201,
  },
  {
    does: 'refuses malformed JSON',
    send: ['POST', '/v1/orders', '{"id":', json],
    status: 400,
    detail: /not JSON/,
  },
  { does: 'refuses an empty body', send: ['POST', '/v1/orders', '', json], status: 400, detail: /not JSON/ },
  {
    does: 'refuses bytes that are no text',
    send: ['POST', '/v1/orders', Uint8Array.of(0x22, 0xff, 0x22), json],
    status: 400,
    detail: /not UTF-8/,
  },
  {
    does: 'names a field of a wrong type',
    send: ['POST', '/v1/orders', '{"id":1,"quantity":2}', json],
    status: 400,
    detail: /field "id".*expected string.*found number 1/,
    field: 'id',
  },
  {
    does: 'names a nested field',
    send: ['POST', '/v1/orders', '{"id":"1","quantity":2,"lines":[{"price":1},{"price":"x"}]}', json],
    status: 400,
    field: 'lines[1].price',
  },
  {
    does: 'names an unknown field',
    send: ['POST', '/v1/orders', '{"id":"1","quantity":2,"colour":"red"}', json],
    status: 400,
    detail: /"colour"/,
    field: 'colour',
  },
  {
    does: 'names a value that is not among the valid ones',
    send: ['POST', '/v1/orders', '{"id":"1","quantity":2,"state":"VALIDATED"}', json],
    status: 400,
    detail: /state.*CREATED.*VALIDATED/,
    field: 'state',
  },
  {
    does: 'refuses the key __proto__',
    send: ['POST', '/v1/orders', '{"id":"1","quantity":2,"__proto__":{}}', json],
    status: 400,
    detail: /__proto__/,
  },
  {
    does: 'refuses a large body',
    send: ['POST', '/v1/orders', `{"id":"${'x'.repeat(200)}"}`, json],
    status: 400,
    detail: /larger than 200 bytes/,
  },
  {
    does: 'refuses another content type',
    send: ['POST', '/v1/orders', 'id=1', { 'content-type': 'text/plain' }],
    status: 415,
    detail: /"text\/plain". Send application\/json/,
    field: 'content-type',
  },
  { does: 'passes problems on', send: ['GET', '/conflict'], status: 409, detail: /Taken/, field: 'id' },
  { does: 'maps queries', send: ['GET', '/fail/INVALID_QUERY'], status: 400, detail: /secret or not/ },
  { does: 'maps values', send: ['GET', '/fail/INVALID_VALUE'], status: 400 },
  { does: 'maps arguments', send: ['GET', '/fail/INVALID_ARGUMENT'], status: 400 },
  { does: 'maps readiness', send: ['GET', '/fail/NOT_READY'], status: 503, headers: { 'retry-after': '1' } },
  {
    does: 'maps lost connections',
    send: ['GET', '/fail/CONNECTION'],
    status: 503,
    headers: { 'retry-after': '1' },
  },
  { does: 'maps timeouts', send: ['GET', '/fail/TIMEOUT'], status: 504 },
  {
    does: 'keeps other errors to itself',
    send: ['GET', '/fail/DISK'],
    status: 500,
    detail: /^The service failed/,
  },
  { does: 'keeps bugs to itself', send: ['GET', '/bug'], status: 500, detail: /^The service failed/ },
  { does: 'is live', send: ['GET', '/health/live'], status: 200, body: { status: 'live' } },
  {
    does: 'is not ready, with reasons',
    send: ['GET', '/health/ready'],
    status: 503,
    detail: /^Task 0_1 restores. Task 0_2 restores.$/,
    headers: { 'retry-after': '1' },
  },
]

for (const { does, send, status, body, detail, field, headers = {} } of cases) {
  const [method, path, content, sent = {}] = send
  test(`a router ${does}: ${method} ${path} is ${status}`, async () => {
    const before = placed.length
    const request = new Request(`http://localhost${path}`, {
      method,
      headers: sent,
      ...(content !== undefined && { body: content }),
    })
    const response = await api.fetch(request)
    assert.equal(response.status, status)
    for (const [name, value] of Object.entries(headers)) assert.equal(response.headers.get(name), value)
    const text = await response.text()
    if (method === 'HEAD') assert.equal(text, '')
    if (body !== undefined) assert.deepEqual(JSON.parse(text), body)
    if (status >= 400) {
      assert.equal(response.headers.get('content-type'), 'application/problem+json')
      const told = JSON.parse(text)
      assert.equal(told.status, status)
      if (detail !== undefined) assert.match(told.detail, detail)
      if (field !== undefined) assert.equal(told.field, field)
      assert.equal(placed.length, before)
    }
  })
}

test('errors that are answered with 500 are reported, and only they', () => {
  assert.deepEqual(
    reported.map(error => (error as Error).message),
    ['secret or not', 'secret'],
  )
})

test('two handlers for one route are refused', () => {
  assert.throws(
    () =>
      router()
        .get('/a', () => new Response())
        .get('/a', () => new Response()),
    {
      code: 'INVALID_ARGUMENT',
      message: /two handlers for GET \/a/,
    },
  )
})
