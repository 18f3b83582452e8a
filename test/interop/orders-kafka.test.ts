import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runOrders } from '../example/orders-process.ts'
import { startKafka, whyNoKafka } from './kafka.ts'

const whyNot = await whyNoKafka()

test('the order example keeps its promises on Apache Kafka', { skip: whyNot ?? false }, async t => {
  const directory = mkdtempSync(join(tmpdir(), 'evert-orders-kafka-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const kafka = await startKafka()
  t.after(() => kafka.stop())
  const { status, out, err } = await runOrders([
    `--cluster=${kafka.url}`,
    `--data=${directory}`,
    '--port=0',
    '--orders=200',
    '--exit',
  ])
  t.diagnostic(out.trim())
  assert.equal(status, 0, err)
  const figures = /^orders=200 validated=(\d+) failed=(\d+) emails=(\d+) open=(\d+)\n$/.exec(out)
  assert.ok(figures !== null, out)
  const [validated, failed, emails, open] = figures.slice(1).map(Number) as [number, number, number, number]
  assert.equal(validated + failed, 200)
  assert.equal(emails, validated)
  assert.equal(open, validated)
})
