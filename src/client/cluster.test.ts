import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { isEvertError } from '../errors.ts'
import { openCluster } from './cluster.ts'

for (const url of [
  '',
  'localhost:9092',
  'kafka:',
  'kafka://',
  'kafka://host',
  'kafka://host:0',
  'kafka://host:65536',
  'kafka://host:9092,',
  'kafka://host:9092/path',
  'http://host:9092',
]) {
  test(`"${url}" is refused with the forms that are known`, async () => {
    await assert.rejects(
      openCluster(url),
      error => isEvertError(error, 'INVALID_CLUSTER_URL') && /kafka:\/\/host:port/.test(error.message),
    )
  })
}

test('a port where nobody listens is a retryable CONNECTION error', async () => {
  // Port 1 is reserved: unlike a port that was just given back, no other test can be listening on it.
  await assert.rejects(
    openCluster('kafka://127.0.0.1:1'),
    error => isEvertError(error, 'CONNECTION') && error.retryable,
  )
})

for (const [what, greeting] of [
  ['says something else than Kafka', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
  ['says nothing', ''],
] as const) {
  test(`a peer that ${what} is a CONNECTION or TIMEOUT error within the connect timeout`, async () => {
    const server = createServer(socket => {
      socket.on('error', () => {})
      socket.resume()
      socket.write(greeting)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await assert.rejects(
      openCluster(`kafka://127.0.0.1:${port}`, { connectTimeoutMs: 100 }),
      error => isEvertError(error, 'CONNECTION') || isEvertError(error, 'TIMEOUT'),
    )
    server.close()
    await once(server, 'close')
  })
}
