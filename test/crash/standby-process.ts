/** Runs the counting application with a standby of each task, and says every 50 ms what it has, until it is killed. */
import { openCluster } from '../../src/app/open-cluster.ts'
import { startApplication } from '../../src/streams/runtime/application.ts'
import { LmdbEngine } from '../../src/streams/state/lmdb.ts'
import { countingTopology } from '../exactly-once/counting.ts'

const [url, stateDir, applicationId, settings] = process.argv.slice(2) as [string, string, string, string]

const application = await startApplication({
  topology: countingTopology(applicationId),
  cluster: await openCluster(url),
  engine: new LmdbEngine(stateDir),
  numStandbyReplicas: 1,
  ...(JSON.parse(settings) as object),
})
setInterval(() => {
  const active = application.tasks().map(({ id }) => id)
  process.stdout.write(`${JSON.stringify({ active, standbys: application.standbys() })}\n`)
}, 50)
