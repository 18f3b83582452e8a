import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { startKafkaNode } from '../interop/kafka.ts'
import { startUntil } from './managed-process.ts'

export type ClusterKind = 'embedded' | 'kafka'

/** A log in a process of its own, which can be hurt. */
export interface HurtableCluster {
  readonly url: string
  /** How long a member of a streams group may be silent. */
  readonly sessionTimeoutMs: number
  kill(): Promise<void>
  /** After `kill`; resolves when it answers, rejects after `stop`. */
  restart(): Promise<void>
  pause(): void
  resume(): void
  /** Ends it for good. */
  stop(): Promise<void>
}

export function startCluster(kind: ClusterKind, directory: string): Promise<HurtableCluster> {
  return kind === 'embedded' ? startEmbedded(directory) : startKafka()
}

async function startEmbedded(directory: string): Promise<HurtableCluster> {
  const sessionTimeoutMs = 2_500
  const port = await freePort()
  const start = () =>
    startUntil('ready', {
      script: 'log-process.ts',
      args: [join(directory, 'log'), String(port), String(sessionTimeoutMs)],
      notes: join(directory, 'log.txt'),
    })
  let starting = start()
  let log = await starting
  let isStopped = false
  return {
    url: `kafka://127.0.0.1:${port}`,
    sessionTimeoutMs,
    kill: () => log.kill(),
    async restart() {
      if (isStopped) throw new Error('The log was stopped for good.')
      starting = start()
      log = await starting
    },
    pause: () => log.pause(),
    resume: () => log.resume(),
    async stop() {
      isStopped = true
      // One that ended before it was ready needs no end.
      const last = await starting.catch(() => log)
      await last.kill()
    },
  }
}

async function startKafka(): Promise<HurtableCluster> {
  const sessionTimeoutMs = 4_000
  const node = await startKafkaNode({
    settings: {
      'group.streams.min.session.timeout.ms': sessionTimeoutMs,
      'group.streams.session.timeout.ms': sessionTimeoutMs,
    },
  })
  return {
    url: node.url,
    sessionTimeoutMs,
    kill: () => node.kill(),
    restart: () => node.restart(),
    pause: () => node.pause(),
    resume: () => node.resume(),
    stop: () => node.stop(),
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
