import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openCluster } from '../../src/client/cluster.ts'
import { areJarsHere, mavenJars } from './maven-jars.ts'

const run = promisify(execFile)
const JARS = 'kafka-4.3.1'
const START_WITHIN_MS = 60_000

export interface RunningKafka {
  /** `kafka://host:port` */
  readonly url: string
  stop(): Promise<void>
}

/** A node of our own, which can be hurt: its directory outlives it until `stop`. */
export interface KafkaNode extends RunningKafka {
  /** Ends it as a crash does. */
  kill(): Promise<void>
  /** Starts it again on the same port and directory; resolves when it answers, rejects after `stop`. */
  restart(): Promise<void>
  /** Stops and continues its process. */
  pause(): void
  resume(): void
}

export interface KafkaOptions {
  /** Features to finalise at another level, such as `{ 'transaction.version': 0 }` for the older protocol. */
  readonly features?: Readonly<Record<string, number>>
  /** Lines of its configuration, beside (or instead of) those that every test has. */
  readonly settings?: Readonly<Record<string, string | number>>
}

/** Why no Apache Kafka can be used here, or undefined. */
export async function whyNoKafka(options: KafkaOptions = {}): Promise<string | undefined> {
  if (process.env.KAFKA_BROKERS !== undefined) {
    return options.features === undefined
      ? undefined
      : 'KAFKA_BROKERS is a cluster whose features are not ours to choose'
  }
  for (const [command, flag] of [
    ['java', '-version'],
    ...(areJarsHere(JARS) ? [] : [['mvn', '-version']]),
  ] as [string, string][]) {
    try {
      await run(command, [flag])
    } catch {
      return `no "${command}" on this machine and KAFKA_BROKERS is not set`
    }
  }
  return undefined
}

/** The cluster named by KAFKA_BROKERS, or an Apache Kafka node of our own on free loopback ports with an empty directory. */
export async function startKafka(options: KafkaOptions = {}): Promise<RunningKafka> {
  const given = process.env.KAFKA_BROKERS
  if (given !== undefined) return { url: `kafka://${given}`, stop: async () => {} }
  return startKafkaNode(options)
}

/** An Apache Kafka node of our own on free loopback ports with an empty directory, whatever KAFKA_BROKERS says. */
export async function startKafkaNode({
  features = {},
  settings = {},
}: KafkaOptions = {}): Promise<KafkaNode> {
  const lib = await mavenJars(join(import.meta.dirname, 'pom.xml'), JARS)
  const directory = mkdtempSync(join(tmpdir(), 'evert-kafka-'))
  try {
    const [port, controllerPort] = await freePorts()
    const config = join(directory, 'server.properties')
    const extra = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
    writeFileSync(config, properties(directory, port, controllerPort) + extra.join(''))
    const classPath = join(lib, '*')
    const levels = Object.entries(features).flatMap(([name, level]) => ['--feature', `${name}=${level}`])
    const uuid = randomBytes(16).toString('base64url').replace(/^-/, 'A')
    const format = ['format', '-t', uuid, '-c', config, '--standalone', ...levels]
    await run('java', ['-cp', classPath, 'kafka.tools.StorageTool', ...format])
    const log = join(directory, 'server.log')
    const url = `kafka://127.0.0.1:${port}`
    let child: ChildProcess | undefined
    let isStopped = false
    const node: KafkaNode = {
      url,
      async restart() {
        if (isStopped) throw new Error('This Apache Kafka was stopped for good.')
        const output = openSync(log, 'a')
        child = spawn('java', ['-Xmx512m', '-cp', classPath, 'kafka.Kafka', config], {
          stdio: ['ignore', output, output],
        })
        closeSync(output)
        await answers(url, child, log)
      },
      async kill() {
        if (child !== undefined) await kill(child)
      },
      pause: () => void child?.kill('SIGSTOP'),
      resume: () => void child?.kill('SIGCONT'),
      async stop() {
        isStopped = true
        await node.kill()
        rmSync(directory, { recursive: true, force: true })
      },
    }
    try {
      await node.restart()
    } catch (error) {
      await node.kill()
      throw error
    }
    return node
  } catch (error) {
    rmSync(directory, { recursive: true, force: true })
    throw error
  }
}

function properties(directory: string, port: number, controllerPort: number): string {
  return `process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}
controller.listener.names=CONTROLLER
log.dirs=${join(directory, 'logs')}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.streams.initial.rebalance.delay.ms=0
group.streams.min.heartbeat.interval.ms=200
group.streams.heartbeat.interval.ms=500
auto.create.topics.enable=false
log.retention.ms=-1
`
}

/** Resolves when the node answers; rejects with its log when it ended or took too long. */
async function answers(url: string, child: ChildProcess, log: string): Promise<void> {
  const deadlineMs = Date.now() + START_WITHIN_MS
  for (;;) {
    try {
      const cluster = await openCluster(url, { connectTimeoutMs: 2000 })
      await cluster.close()
      return
    } catch (cause) {
      if (child.exitCode === null && Date.now() < deadlineMs) continue
      throw new Error(`Apache Kafka did not start:\n${readFileSync(log, 'utf8').slice(-4000)}`, { cause })
    }
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()]
  const ports: number[] = []
  for (const server of servers) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address !== null && typeof address === 'object') ports.push(address.port)
  }
  await Promise.all(servers.map(server => promisify(server.close.bind(server))()))
  return [ports[0] as number, ports[1] as number]
}
