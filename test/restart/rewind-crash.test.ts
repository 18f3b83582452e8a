import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Broker, openBroker } from '../../src/broker/broker.ts'
import { openMemoryStorage } from '../../src/broker/storage/storage.ts'
import {
  type Cluster,
  clusterFromTransport,
  type Connection,
  inProcessTransport,
  type Transport,
  transportOptions,
} from '../../src/client/index.ts'
import { EvertError, isEvertError } from '../../src/errors.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import { rewindApplication } from '../../src/index.ts'
import { type Application, startApplication } from '../../src/streams/runtime/application.ts'
import { Producer } from '../../src/client/producer.ts'
import { createTopics } from '../../src/wire/messages/create-topics.ts'
import { deleteGroups } from '../../src/wire/messages/delete-groups.ts'
import { deleteTopics } from '../../src/wire/messages/delete-topics.ts'
import { offsetCommit } from '../../src/wire/messages/offset-commit.ts'
import { produce } from '../../src/wire/messages/produce.ts'
import { moves, type Pages, pagesOf, untilWritten, VISITS } from './rewind-scenarios.ts'

/** Requests that change something. */
const CHANGES = new Set<number>(
  [createTopics, deleteGroups, deleteTopics, offsetCommit, produce].map(api => api.key),
)

/** A process that dies with its n-th request of these: before the broker gets it, or before it gets the answer. */
interface Death {
  readonly at: number
  readonly isHeard: boolean
}

function dyingTransport(
  inner: Transport,
  { at, isHeard }: Death,
): Transport & { readonly isDead: () => boolean } {
  let changes = 0
  let isDead = false
  const dead = (): never => {
    isDead = true
    throw new EvertError('DISK', 'The process is gone.')
  }
  const dying = (connection: Connection): Connection => ({
    get isOpen() {
      return connection.isOpen
    },
    features: connection.features,
    versionOf: api => connection.versionOf(api),
    close: () => connection.close(),
    async send(api, request, options) {
      if (isDead) dead()
      const isLast = CHANGES.has(api.key) && ++changes === at
      if (isLast && !isHeard) dead()
      const answer = await connection.send(api, request, options)
      return isLast ? dead() : answer
    },
  })
  return {
    bootstrap: inner.bootstrap,
    connect: async address => dying(await inner.connect(address)),
    close: () => inner.close(),
    isDead: () => isDead,
  }
}

/** Whether the rewind dies as told. */
async function rewindAndDie(broker: Broker, { id }: Pages, death: Death): Promise<boolean> {
  const transport = dyingTransport(inProcessTransport(broker, transportOptions()), death)
  const cluster = clusterFromTransport(transport)
  try {
    await rewindApplication(id, { cluster, to: 'beginning' })
    assert.ok(!transport.isDead(), 'a rewind that died is told as done')
    return false
  } catch (error) {
    if (!transport.isDead()) throw error
    return true
  } finally {
    // What it closes may want to say goodbye.
    await cluster.close().catch(() => {})
  }
}

async function start(cluster: Cluster, pages: Pages, engine: MemoryEngine): Promise<Application> {
  const topology = pages.application().topology()
  return startApplication({ topology, cluster, engine, commitIntervalMs: 5 })
}

async function visitFirst(cluster: Cluster, { visits }: Pages): Promise<void> {
  await using producer = new Producer(cluster)
  for (const [minute, [user, page]] of VISITS.entries()) {
    producer.append(visits.name, undefined, minute, visits.key.encode(user), visits.value.encode(page), [])
  }
  await producer.flush()
}

/** All deaths of one kind, in turn, until the rewind has fewer requests. How many there were, and left it in the middle. */
async function deaths(isHeard: boolean): Promise<{ requests: number; unfinished: number }> {
  let unfinished = 0
  const broker = await openBroker({ storage: await openMemoryStorage() })
  const cluster = clusterFromTransport(inProcessTransport(broker, transportOptions()))
  try {
    for (let at = 1; ; at++) {
      const pages = pagesOf(`at-${at}-`)
      const engine = new MemoryEngine()
      {
        await using _first = await start(cluster, pages, engine)
        await visitFirst(cluster, pages)
        await untilWritten(cluster, pages, 1)
      }
      const before = await rewindApplication(pages.id, { cluster, to: 'end', dryRun: true })
      if (!(await rewindAndDie(broker, pages, { at, isHeard }))) return { requests: at - 1, unfinished }
      let isRefused = false
      try {
        await (await start(cluster, pages, engine)).close()
      } catch (error) {
        if (!isEvertError(error, 'REWIND_UNFINISHED')) throw error
        isRefused = true
        unfinished++
      }
      if (!isRefused) {
        // It died before it began, or its answer when it was done.
        const now = await rewindApplication(pages.id, { cluster, to: 'end', dryRun: true })
        const isDone = JSON.stringify(now.inputs) !== JSON.stringify(before.inputs)
        if (isDone) {
          await using _done = await start(cluster, pages, engine)
          await untilWritten(cluster, pages, 2)
          continue
        }
        assert.deepEqual(moves(now), moves(before))
        await untilWritten(cluster, pages, 1)
      }
      await rewindApplication(pages.id, { cluster, to: 'beginning' })
      await using _again = await start(cluster, pages, engine)
      await untilWritten(cluster, pages, 2)
    }
  } finally {
    await cluster.close()
    await broker.close()
  }
}

test('a rewind that dies before any of its requests is made again', { timeout: 120_000 }, async () => {
  const { requests, unfinished } = await deaths(false)
  assert.ok(requests >= 7 && unfinished >= 5, `${requests} requests, ${unfinished} unfinished`)
})

test('a rewind that dies before any of its answers is made again', { timeout: 120_000 }, async () => {
  const { requests, unfinished } = await deaths(true)
  assert.ok(requests >= 7 && unfinished >= 5, `${requests} requests, ${unfinished} unfinished`)
})
