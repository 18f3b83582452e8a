import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { UNKNOWN_SKU } from './catalogue.ts'
import { generatedOrder } from './generated-order.ts'
import { generate } from './generator.ts'

test('an order follows from seed and number alone', () => {
  assert.deepEqual(generatedOrder(7, 12), generatedOrder(7, 12))
  assert.notDeepEqual(generatedOrder(7, 12), generatedOrder(7, 13))
  assert.notDeepEqual(generatedOrder(7, 12), generatedOrder(8, 12))
})

test('five hundred orders hold good ones and each kind of bad one', () => {
  const orders = Array.from({ length: 500 }, (_, index) => generatedOrder(1, index))
  const share = (is: (order: (typeof orders)[number]) => boolean) => orders.filter(is).length
  const unknown = share(order => order.lines.some(line => line.product === UNKNOWN_SKU))
  const empty = share(order => order.lines.some(line => line.quantity === 0))
  const several = share(order => order.lines.length > 1)
  assert.ok(unknown > 5 && unknown < 100, `${unknown} with an unknown product`)
  assert.ok(empty > 5 && empty < 100, `${empty} without a quantity`)
  assert.ok(several > 200 && several < 450, `${several} with several lines`)
})

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

async function serve(t: TestContext, handler: Handler): Promise<string> {
  const server = createServer((request, response) => void handler(request, response))
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('every order is placed once although answers get lost', async t => {
  const placed = new Map<string, unknown>()
  let requests = 0
  const url = await serve(t, async (request, response) => {
    requests++
    const body = await json(request)
    if (requests % 5 === 0) {
      response.destroy()
      return
    }
    if (requests % 7 === 0) {
      response.writeHead(503).end()
      return
    }
    placed.set(String(request.headers['idempotency-key']), body)
    response.writeHead(201).end(JSON.stringify({ id: 'x' }))
  })
  const seen: number[] = []
  const { signal } = new AbortController()
  await generate({ url, seed: 3, from: 10, count: 20, signal, onPlaced: ({ index }) => seen.push(index) })
  assert.deepEqual(
    [...placed.keys()].toSorted(),
    Array.from({ length: 20 }, (_, i) => `generated-3-${10 + i}`).toSorted(),
  )
  assert.deepEqual(placed.get('generated-3-15'), generatedOrder(3, 15))
  assert.equal(seen.length, 20)
  assert.ok(requests > 20)
})

test('an order that is refused for good ends the generator with the words of the refusal', async t => {
  const url = await serve(t, (_request, response) => {
    response.writeHead(400).end('the field "x" is wrong')
  })
  const { signal } = new AbortController()
  await assert.rejects(
    generate({ url, seed: 1, count: 1, signal }),
    /generated-1-0.*400 the field "x" is wrong/,
  )
})

test('the signal ends a generator that has no count', async t => {
  const controller = new AbortController()
  let requests = 0
  const url = await serve(t, (request, response) => {
    request.resume()
    if (++requests === 3) controller.abort()
    response.writeHead(201).end('{"id":"x"}')
  })
  await generate({ url, seed: 1, rate: 1000, signal: controller.signal })
  assert.ok(requests >= 3)
})
