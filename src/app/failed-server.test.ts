import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { string } from '../contracts/codecs.ts'
import { topic } from '../contracts/topic.ts'
import { app } from './app.ts'
import { openCluster } from './open-cluster.ts'

const words = topic('words', { key: string, value: string, partitions: 1 })

function failing(id: string) {
  const built = app(id)
  const rows = built.table(words)
  rows.view('rows')
  rows.toStream().peek(word => {
    if (word === 'bad') throw new Error('it is bad')
  })
  return built
}

async function isRefused(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  await assert.rejects(once(socket, 'connect'), { code: 'ECONNREFUSED' })
}

test('an application that failed says so over HTTP until it is closed', async () => {
  const running = await failing('failed-http').start({
    cluster: 'memory:failed-http',
    http: { port: 0 },
    onFailure() {},
  })
  const { url, port } = running.http
  await running.append(words, 'k', 'bad')
  await running.whenEnded()

  const ask = async (path: string) => {
    const response = await fetch(url + path)
    return [response.status, await response.text()] as const
  }
  for (const path of ['/health/live', '/health/ready', '/views/rows/k', '/views/rows']) {
    const [status, text] = await ask(path)
    assert.equal(status, 503, `${path}: ${text}`)
    assert.match((JSON.parse(text) as { detail: string }).detail, /it is bad/)
  }
  const [status, metrics] = await ask('/metrics')
  assert.equal(status, 200)
  assert.match(metrics, /^evert_stream_client_state\{application="failed-http",state="ERROR"\} 1$/m)
  assert.match(metrics, /^evert_stream_failed_stream_threads\{application="failed-http"\} 1$/m)

  await running.close()
  await isRefused(port)
})

test('a signal closes what is left of an application that failed', async () => {
  const abort = new AbortController()
  const running = await failing('failed-signal').start({
    cluster: 'memory:failed-signal',
    http: { port: 0 },
    signal: abort.signal,
    onFailure() {},
  })
  await running.append(words, 'k', 'bad')
  await running.whenEnded()
  const { url, port } = running.http
  assert.equal((await fetch(`${url}/health/live`)).status, 503)
  abort.abort()
  await running.close()
  await isRefused(port)
})

test('a start that fails leaves its port', async () => {
  await using cluster = await openCluster('memory:failed-start')
  const running = await failing('started').start({ cluster, http: { port: 0 } })
  const { port } = running.http
  await running.close()
  const odd = topic('odd', { key: string, value: string, partitions: 2 })
  const apart = app('failed-start')
  apart
    .table(words)
    .join(apart.table(odd), () => 'never')
    .view('never')
  const start = apart.start({ cluster, http: { port }, onFailure() {} })
  await assert.rejects(start, { code: 'INVALID_TOPOLOGY' })
  await isRefused(port)
})

test('a process whose application failed ends, although nobody closed it', { timeout: 30_000 }, async () => {
  const program = join(import.meta.dirname, '../../test/workers/failing-process.ts')
  const child = spawn(process.execPath, ['--conditions=evert-source', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  child.stdout.setEncoding('utf8')
  let printed = ''
  child.stdout.on('data', text => {
    printed += text
  })
  const [code] = (await once(child, 'close')) as [number | null]
  assert.deepEqual([printed, code], ['503 ERROR\n', 1])
})
