/** A process with an instance of `pages` that serves the log itself: node rewind-owner.ts DIRECTORY */
import { join } from 'node:path'
import { untilWritten, visit, pagesOf } from './rewind-scenarios.ts'
import { openCluster } from '../../src/index.ts'

const [directory = ''] = process.argv.slice(2)
const cluster = `file:${join(directory, 'log')}`
const pages = pagesOf('')
const running = await pages.application().start({
  cluster,
  commitIntervalMs: 10,
  logger: { info() {}, warn: message => process.stdout.write(`${message}\n`) },
})
await visit(running, pages)
{
  await using read = await openCluster(cluster)
  await untilWritten(read, pages, 1)
}
process.stdout.write('READY\n')
await running.whenEnded()
