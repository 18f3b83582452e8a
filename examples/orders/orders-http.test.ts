import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ordersApi } from './orders-http.ts'

const good = {
  customerId: 7,
  deliveryLocation: 'CA',
  lines: [
    { product: 'MUGS', quantity: 2, price: 150 },
    { product: 'LAMPS', quantity: 1, price: 2000 },
  ],
}
const oneLine = { customerId: 7, deliveryLocation: 'CA', product: 'MUGS', quantity: 2, price: 150 }

interface Problem {
  detail: string
  field?: string
}

/** Sends the request and asserts that it is refused and that nothing is appended. */
async function refusal(request: Request): Promise<{ status: number; problem: Problem }> {
  const appended: unknown[] = []
  const api = ordersApi(async (id, command) => {
    appended.push({ id, command })
  })
  const response = await api.fetch(request)
  assert.deepEqual(appended, [])
  assert.equal(response.headers.get('content-type'), 'application/problem+json')
  return { status: response.status, problem: (await response.json()) as Problem }
}

function post(body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}): Request {
  return new Request('http://shop/v1/orders', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  })
}

const [firstLine] = good.lines

const badBodies: [name: string, body: unknown, field: string | undefined, detail: RegExp][] = [
  ['an empty object', {}, 'customerId', /number/],
  ['an array', [good], undefined, /object/],
  ['null', null, undefined, /object/],
  ['a number', 5, undefined, /object/],
  [
    'an unknown field',
    { ...good, colour: 'red' },
    'colour',
    /there is no such field; the fields are customerId, deliveryLocation, state, lines/,
  ],
  [
    'an unknown field of a line',
    { ...good, lines: [{ ...firstLine, size: 'XL' }] },
    'lines[0].size',
    /the fields are product, quantity, price/,
  ],
  ['an id of the client', { ...good, id: '1' }, 'id', /no such field/],
  ['a text as customer', { ...good, customerId: '7' }, 'customerId', /number.*"7"/],
  ['a negative customer', { ...good, customerId: -7 }, 'customerId', />=0/],
  ['a fraction as quantity', { ...oneLine, quantity: 1.5 }, 'quantity', /int/],
  ['a fraction as price', { ...oneLine, price: 9.99 }, 'price', /int/],
  ['a quantity beyond all bounds', { ...oneLine, quantity: 1e15 }, 'quantity', /<=100000/],
  ['no product', { ...oneLine, product: '' }, 'product', /found ""/],
  ['no price', { ...oneLine, price: undefined }, 'price', /number/],
  ['no lines', { ...good, lines: [] }, 'lines', />=1/],
  ['lines of another type', { ...good, lines: 'MUGS' }, 'lines', /array/],
  ['a product and lines', { ...oneLine, lines: good.lines }, 'lines', /no such field/],
  ['no location', { ...good, deliveryLocation: null }, 'deliveryLocation', /string/],
  ...['VALIDATED', 'FAILED', 'SHIPPED', 'created', ''].map((state): [string, unknown, string, RegExp] => [
    `the state ${JSON.stringify(state)}`,
    { ...good, state },
    'state',
    /every order starts as "CREATED"/,
  ]),
]
for (const [name, body, field, detail] of badBodies) {
  test(`${name} is refused with 400 that names the field`, async () => {
    const { status, problem } = await refusal(post(JSON.stringify(body)))
    assert.equal(status, 400)
    assert.equal(problem.field, field)
    assert.match(problem.detail, detail)
  })
}

const badRequests: [name: string, request: () => Request, status: number, detail: RegExp][] = [
  ['JSON that is cut off', () => post('{"customerId": 7,'), 400, /not JSON/],
  ['no body', () => post(''), 400, /not JSON/],
  ['bytes that are not text', () => post(Uint8Array.of(0x22, 0xff, 0x22)), 400, /UTF-8/],
  ['a prototype', () => post('{"__proto__": {"state": "CREATED"}}'), 400, /__proto__/],
  ['a body above 1 MiB', () => post(`"${'x'.repeat(1024 * 1024)}"`), 400, /larger than 1048576 bytes/],
  ['JSON in disguise', () => post('{}', { 'content-type': 'text/plain' }), 415, /application\/json/],
  ['an empty key', () => post(JSON.stringify(good), { 'idempotency-key': ' ' }), 400, /Idempotency-Key/],
  [
    'a long key',
    () => post(JSON.stringify(good), { 'idempotency-key': 'k'.repeat(256) }),
    400,
    /Idempotency-Key/,
  ],
  ['an unknown parameter', () => new Request('http://shop/v1/orders/1?time=5'), 400, /"time"/],
  ['a timeout in words', () => new Request('http://shop/v1/orders/1?timeout=soon'), 400, /timeout/],
  ['a position in words', () => new Request('http://shop/v1/orders/1?minPosition=here'), 400, /here/],
  ['an unknown path', () => new Request('http://shop/v1/order'), 404, /\/v1\/order/],
  ['another method', () => new Request('http://shop/v1/orders/1', { method: 'DELETE' }), 405, /DELETE/],
]
for (const [name, request, expected, detail] of badRequests) {
  test(`${name} is answered with ${expected}`, async () => {
    const { status, problem } = await refusal(request())
    assert.equal(status, expected)
    assert.match(problem.detail, detail)
  })
}
