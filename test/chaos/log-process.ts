/** Serves the embedded log of a directory on a port until it is killed. Says `ready` once it answers. */
import { openEmbedded } from '../../src/broker/open-embedded.ts'

const [directory, port, sessionTimeoutMs] = process.argv.slice(2) as [string, string, string]
const embedded = await openEmbedded(`file:${directory}`, {
  listener: { port: Number(port) },
  heartbeatIntervalMs: 300,
  sessionTimeoutMs: Number(sessionTimeoutMs),
})
if (embedded.kind === 'remote') throw new Error('Another process serves the log.')
process.stdout.write(`${JSON.stringify({ kind: 'ready' })}\n`)
process.once('SIGTERM', () => void embedded.close().then(() => process.exit(0)))
await new Promise(() => setInterval(() => {}, 60_000))
