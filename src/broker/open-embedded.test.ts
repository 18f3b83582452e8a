import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { isEvertError } from '../errors.ts'
import { acquireLock } from '../internal/directory-lock.ts'
import { type Embedded, openEmbedded } from './open-embedded.ts'
import { TestClient } from './test-client.ts'

async function inDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'evert-embedded-'))
  try {
    await run(directory)
  } finally {
    await rm(directory, { recursive: true })
  }
}

function asOwner(embedded: Embedded): Embedded & { kind: 'owner' } {
  assert.equal(embedded.kind, 'owner')
  return embedded
}

/** Runs the lines in another process and gives what they print. */
async function elsewhere(lines: string): Promise<string> {
  const module = new URL('./open-embedded.ts', import.meta.url).href
  const source = `const { openEmbedded } = await import(${JSON.stringify(module)})\n${lines}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')])
  return output.trim()
}

describe('the embedded log', () => {
  test('in memory is a broker of its own without a port', async () => {
    const embedded = asOwner(await openEmbedded('memory:'))
    assert.equal(embedded.broker.address.port, 0)
    await embedded.close()
  })

  test('of a directory is owned by one process; another one is told where to find it', async () => {
    await inDirectory(async directory => {
      const owner = asOwner(await openEmbedded(`file:${directory}`))
      const told = await elsewhere(`
        const found = await openEmbedded(${JSON.stringify(`file:${directory}`)})
        console.log(JSON.stringify(found))
      `)
      assert.deepEqual(JSON.parse(told), { kind: 'remote', address: owner.broker.address })
      await owner.close()
    })
  })

  test('is taken over with all its records once the owner has closed', async () => {
    await inDirectory(async directory => {
      const first = asOwner(await openEmbedded(`file:${directory}`))
      const client = new TestClient(first.broker)
      await client.createTopic('a')
      await client.produce('a', ['kept'])
      await first.close()
      const second = asOwner(await openEmbedded(`file:${directory}`))
      assert.deepEqual(await new TestClient(second.broker).committedValues('a'), ['kept'])
      await second.close()
    })
  })

  test('is taken over when the owner was killed', async () => {
    await inDirectory(async directory => {
      await elsewhere(`
        await openEmbedded(${JSON.stringify(`file:${directory}`)})
        process.kill(process.pid, 'SIGKILL')
      `)
      assert.ok((await readdir(directory)).some(name => name.startsWith('lock')))
      const owner = asOwner(await openEmbedded(`file:${directory}`))
      await owner.close()
    })
  })

  test('waits for an owner that is starting, and says so when none comes up', async () => {
    await inDirectory(async directory => {
      const taken = acquireLock(directory)
      assert.ok(taken.acquired)
      await assert.rejects(
        openEmbedded(`file:${directory}`, { ownerTimeoutMs: 60 }),
        error => isEvertError(error, 'DIRECTORY_IN_USE') && error.message.includes(String(process.pid)),
      )
      const waiting = openEmbedded(`file:${directory}`)
      taken.lock.updateLock({ host: '127.0.0.1', port: 4 })
      assert.deepEqual(await waiting, { kind: 'remote', address: { host: '127.0.0.1', port: 4 } })
      taken.lock.release()
    })
  })

  test('waits for an owner that is starting also in a process that does nothing else', async () => {
    await inDirectory(async directory => {
      const taken = acquireLock(directory)
      assert.ok(taken.acquired)
      const said = await elsewhere(`
        await openEmbedded(${JSON.stringify(`file:${directory}`)}, { ownerTimeoutMs: 200 }).catch(error => {
          console.log(error.code)
        })
      `)
      assert.equal(said, 'DIRECTORY_IN_USE')
      taken.lock.release()
    })
  })

  test('gives the directory free when it cannot be opened', async () => {
    await inDirectory(async directory => {
      const other = asOwner(await openEmbedded('memory:', { listener: {} }))
      const { port } = other.broker.address
      await assert.rejects(openEmbedded(`file:${directory}`, { listener: { port } }), error =>
        isEvertError(error, 'CONNECTION'),
      )
      await other.close()
      const owner = asOwner(await openEmbedded(`file:${directory}`))
      await owner.close()
    })
  })

  for (const url of ['file:', 'data', 'kafka://localhost:9092']) {
    test(`has no URL "${url}"`, async () => {
      await assert.rejects(openEmbedded(url), error => isEvertError(error, 'INVALID_CLUSTER_URL'))
    })
  }
})
