import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { createTopics } from '../../src/client/admin.ts'
import type { Cluster } from '../../src/client/cluster.ts'
import { Producer } from '../../src/client/producer.ts'
import { committedCounts, counts, upTo, words } from '../exactly-once/counting.ts'

interface Failover {
  readonly cluster: Cluster
  /** Where other processes reach it. */
  readonly url: string
  readonly applicationId: string
  /** Options of the instances. */
  readonly settings: { readonly sessionTimeoutMs?: number; readonly heartbeatIntervalMs?: number }
}

interface Said {
  readonly active: readonly string[]
  readonly standbys: readonly { readonly id: string; readonly lag?: number }[]
}

const WORDS = 5_000
const ROUNDS = 4

/**
 * Kills one of two instances, each of which has standbys of the other's tasks, with -9 while words flow. Resolves to how
 * long it took until every word that was written after the kill was counted, once.
 */
export async function failover(t: TestContext, options: Failover): Promise<number> {
  const { cluster } = options
  const directory = mkdtempSync(join(tmpdir(), 'evert-failover-'))
  await createTopics(cluster, [
    { name: words.name, partitions: 3 },
    { name: counts.name, partitions: 2 },
  ])
  const one = startInstance(options, join(directory, 'one'))
  const two = startInstance(options, join(directory, 'two'))
  t.after(async () => {
    await one.kill()
    await two.kill()
    rmSync(directory, { recursive: true, force: true })
  })
  await using producer = new Producer(cluster)
  let written = 0
  const write = async (): Promise<void> => {
    for (let i = 0; i < WORDS; i++, written++) {
      const word = Buffer.from(`word-${i}`)
      producer.append(words.name, undefined, Date.now(), Buffer.from(`k${written}`), word, [])
    }
    await producer.flush()
  }
  for (let round = 0; round < ROUNDS; round++) await write()
  await until(async () => (await countedWords(cluster)) === written)
  await until(() => isWarm(one.said, two.said))
  const [moving] = one.said.active.filter(id => two.said.standbys.some(standby => standby.id === id))
  assert.ok(moving !== undefined, 'the second instance keeps a copy of what the first runs')

  const killedAt = performance.now()
  await one.kill()
  await write()
  await until(async () => (await countedWords(cluster)) >= written)
  const tookMs = performance.now() - killedAt
  const found = await committedCounts(cluster)
  assert.equal(found.size, WORDS)
  for (const [word, list] of found) assert.deepEqual(list, upTo(ROUNDS + 1), word)
  return tookMs
}

function isWarm(...instances: Said[]): boolean {
  const active = instances.flatMap(each => each.active)
  const standbys = instances.flatMap(each => each.standbys)
  return active.length === 6 && standbys.length === 3 && standbys.every(({ lag }) => lag === 0)
}

async function countedWords(cluster: Cluster): Promise<number> {
  return [...(await committedCounts(cluster)).values()].reduce((sum, list) => sum + list.length, 0)
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise(resolve => setTimeout(resolve, 20))
}

function startInstance({ url, applicationId, settings }: Failover, stateDir: string) {
  const script = join(import.meta.dirname, 'standby-process.ts')
  const args = ['--conditions=evert-source', script, url, stateDir, applicationId, JSON.stringify(settings)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  let said: Said = { active: [], standbys: [] }
  createInterface({ input: child.stdout }).on('line', line => {
    said = JSON.parse(line) as Said
  })
  return {
    get said(): Said {
      return said
    },
    async kill(): Promise<void> {
      child.kill('SIGKILL')
      await exited
    },
  }
}
