/** One instance of the shop; tells its state and its tasks on each change. SIGTERM closes it; a failure is status 1. */
import { openPatiently } from './open-patiently.ts'
import { Application } from '../../src/streams/runtime/application.ts'
import { LmdbEngine } from '../../src/streams/state/lmdb.ts'
import { shopTopology } from './shop.ts'

const [url, directory] = process.argv.slice(2) as [string, string]

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)
const note = (text: string): void => void process.stderr.write(`${new Date().toISOString()} ${text}\n`)

const cluster = await openPatiently(url)
const engine = new LmdbEngine(directory)
const application = new Application({
  topology: shopTopology(),
  cluster,
  engine,
  commitIntervalMs: 100,
  purgeIntervalMs: 2_000,
  logger: { info: note, warn: note },
})
let told = ''
application.onChange(() => {
  const tasks = application.tasks().map(({ id }) => id)
  const line = { kind: 'instance', state: application.state, tasks: tasks.toSorted() }
  if (JSON.stringify(line) === told) return
  told = JSON.stringify(line)
  say(line)
})
process.once('SIGTERM', () => void application.close())
try {
  await application.start()
} catch (error) {
  note(`not started: ${(error as Error).stack}`)
}
await application.whenEnded()
await engine.close()
await cluster.close()
if (application.failure !== undefined) {
  note(`failed: ${application.failure.stack}`)
  say({ kind: 'failed', message: application.failure.message })
  process.exitCode = 1
}
