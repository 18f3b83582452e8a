/**
 * The order example, killed with -9 at ten random moments while orders flow, and started again each time: every
 * acknowledged order is in the log once, with one verdict, and the views are those of a run without kills.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openCluster } from '../../src/app/open-cluster.ts'
import { readTopic } from '../../src/client/read-topic.ts'
import { type OrdersProcess, startOrders } from '../example/orders-process.ts'
import { Random } from '../format/random.ts'

const KILLS = 10
const CLIENTS = 8
/** Acknowledged orders between two kills: from one to this many. */
const MOST_BETWEEN_KILLS = 60

interface Posted {
  readonly key: string
  readonly body: string
}

test('an order that was acknowledged survives ten kills: once in the log, with one verdict, in every view', async t => {
  const random = Random.fromEnvironment()
  t.diagnostic(`EVERT_SEED=${random.seed}`)
  const directory = mkdtempSync(join(tmpdir(), 'evert-orders-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const killed = join(directory, 'killed')
  const args = ['--kafka-port', '0', '--rate', '0']

  const posted: Posted[] = []
  const ids = new Map<string, string>()
  let shop: OrdersProcess | undefined
  for (let kill = 0; kill < KILLS; kill++) {
    shop = await startOrders([...args, '--data', killed])
    const enough = ids.size + 1 + random.below(MOST_BETWEEN_KILLS)
    const flowing = new AbortController()
    const clients = Array.from({ length: CLIENTS }, async () => {
      while (!flowing.signal.aborted) {
        const order = orderOf(posted.length, random)
        posted.push(order)
        const id = await post(shop as OrdersProcess, order)
        if (id === undefined) return
        ids.set(order.key, id)
        if (ids.size === enough) flowing.abort()
      }
    })
    await new Promise(resolve => flowing.signal.addEventListener('abort', resolve))
    t.diagnostic(
      `answered ${shop.startedInMs.toFixed(0)} ms after its start; killed after ${ids.size} orders`,
    )
    await shop.kill('SIGKILL')
    await Promise.all(clients)
  }

  // What had no answer is sent again under the same key, as its client would do.
  shop = await startOrders([...args, '--data', killed])
  for (const [key, id] of await postAll(shop, posted)) {
    assert.equal(id, ids.get(key) ?? id, 'the same key is the same order after a restart')
    ids.set(key, id)
  }
  const afterKills = await finalState(shop, ids)
  await shop.kill('SIGTERM')

  const calm = join(directory, 'calm')
  shop = await startOrders([...args, '--data', calm])
  assert.deepEqual(await postAll(shop, posted), ids)
  assert.deepEqual(afterKills, await finalState(shop, ids))
  await shop.kill('SIGTERM')

  t.diagnostic(`${ids.size} orders, ${KILLS} kills`)
  const events = await eventsByOrder(`file:${killed}`)
  assert.deepEqual(new Set(events.keys()), new Set(ids.values()))
  for (const [id, states] of events) {
    assert.equal(states.length, 2, `order ${id}: ${states.join(', ')}`)
    assert.equal(states[0], 'CREATED')
    assert.match(states[1] as string, /^(VALIDATED|FAILED)$/)
  }
})

/** The last one is sold out. */
const PRODUCTS = ['JUMPERS', 'STOCKINGS', 'MITTENS', 'SLIPPERS']
const PLACES = ['CA', 'NY', 'UK']

/** Stock is plentiful or none and at most one check fails, so that verdicts do not depend on the order of arrival. */
function orderOf(index: number, random: Random): Posted {
  const price = random.oneIn(8) ? -1 : 100 + random.below(1000)
  return {
    key: `order-${index}`,
    body: JSON.stringify({
      customerId: random.below(100),
      deliveryLocation: random.pick(PLACES),
      product: price < 0 ? 'JUMPERS' : random.pick(PRODUCTS),
      quantity: 1 + random.below(5),
      price,
    }),
  }
}

/** The id of every order by its key. */
async function postAll(shop: OrdersProcess, posted: readonly Posted[]): Promise<Map<string, string>> {
  const ids = new Map<string, string>()
  const left = [...posted]
  const clients = Array.from({ length: CLIENTS }, async () => {
    for (let order = left.shift(); order !== undefined; order = left.shift()) {
      const id = await post(shop, order)
      assert.ok(id !== undefined, `${order.key} had no answer`)
      ids.set(order.key, id)
    }
  })
  await Promise.all(clients)
  return ids
}

/** The id, or undefined when the process was killed before it answered. */
async function post({ url }: OrdersProcess, { key, body }: Posted): Promise<string | undefined> {
  let response: Response
  let order: { id: string }
  try {
    response = await fetch(`${url}/v1/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body,
    })
    order = (await response.json()) as { id: string }
  } catch {
    // The connection broke: whether the order was placed is what the restart must sort out.
    return undefined
  }
  assert.equal(response.status, 201, JSON.stringify(order))
  return order.id
}

/** Every order with its verdict, all open orders, and the stock: what the views answer once all verdicts are there. */
async function finalState({ url }: OrdersProcess, ids: ReadonlyMap<string, string>) {
  const orders: Record<string, unknown> = {}
  for (const id of ids.values()) {
    const response = await fetch(`${url}/v1/orders/${id}/validated?timeout=60000`)
    assert.equal(response.status, 200, `no verdict on ${id}`)
    orders[id] = await response.json()
  }
  const accepted = Object.values(orders).filter(
    order => (order as { state: string }).state === 'VALIDATED',
  ).length
  // The verdicts are out; the other views follow at their own pace.
  for (;;) {
    const open = await allRows(`${url}/v1/orders?fulfilled=false`)
    const stock: Record<string, unknown> = {}
    for (const product of PRODUCTS) {
      stock[product] = await (await fetch(`${url}/v1/stock/${product}`)).json()
    }
    const settled = open.filter(row => (row.value as { state: string }).state === 'VALIDATED')
    if (open.length === accepted && settled.length === accepted) return { orders, open, stock }
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

async function allRows(url: string): Promise<{ key: string; value: unknown }[]> {
  const rows: { key: string; value: unknown }[] = []
  let cursor: string | undefined
  do {
    const page = (await (
      await fetch(`${url}&limit=1000${cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`}`)
    ).json()) as { rows: { key: string; value: unknown }[]; cursor?: string }
    rows.push(...page.rows)
    cursor = page.cursor
  } while (cursor !== undefined)
  return rows.toSorted((a, b) => (a.key < b.key ? -1 : 1))
}

/** The states of every order in the log, in order, read committed. */
async function eventsByOrder(url: string): Promise<Map<string, string[]>> {
  await using cluster = await openCluster(url)
  const events = new Map<string, string[]>()
  for await (const { batches } of readTopic(cluster, 'orders')) {
    for (const batch of batches) {
      const columns = batch.records()
      for (let index = 0; index < columns.count; index++) {
        const { id, state } = JSON.parse(String(columns.value(index))) as { id: string; state: string }
        assert.equal(String(columns.key(index)), id)
        events.set(id, [...(events.get(id) ?? []), state])
      }
    }
  }
  return events
}
