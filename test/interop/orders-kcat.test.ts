import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { startOrders } from '../example/orders-process.ts'

const run = promisify(execFile)

const whyNot = await run('kcat', ['-V']).then(
  () => false as const,
  () => 'there is no "kcat" on this machine (Debian package kcat)',
)

test('kcat reads the orders of the running example over TCP', { skip: whyNot }, async t => {
  const directory = mkdtempSync(join(tmpdir(), 'evert-kcat-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const shop = await startOrders(['--kafka-port', '0', '--rate', '0', '--data', directory])
  const order = { customerId: 7, deliveryLocation: 'CA', product: 'JUMPERS', quantity: 3, price: 4950 }
  const posted = await fetch(`${shop.url}/v1/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(order),
  })
  assert.equal(posted.status, 201)
  const { id } = (await posted.json()) as { id: string }
  const validated = await fetch(`${shop.url}/v1/orders/${id}/validated?timeout=30000`)
  assert.equal(((await validated.json()) as { state: string }).state, 'VALIDATED')

  const { stdout: metadata } = await run('kcat', ['-b', shop.brokers, '-L'])
  assert.match(metadata, /topic "orders" with 6 partitions/)
  // -e: ends at the end of every partition. %k is the key, %s the value.
  const options = ['-C', '-e', '-q', '-X', 'isolation.level=read_committed', '-f', '%k %s\n']
  const { stdout } = await run('kcat', ['-b', shop.brokers, '-t', 'orders', ...options])
  const states = stdout
    .trim()
    .split('\n')
    .map(line => {
      assert.equal(line.slice(0, line.indexOf(' ')), id)
      return (JSON.parse(line.slice(line.indexOf(' '))) as { state: string }).state
    })
  assert.deepEqual(states, ['CREATED', 'VALIDATED'])
  await shop.kill('SIGTERM')
})
