import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openCluster } from '../../src/app/open-cluster.ts'
import { runScenario, SCENARIOS } from '../restart/topology-scenarios.ts'
import { startKafka, whyNoKafka } from './kafka.ts'

const whyNot = await whyNoKafka()

test('changed topologies on Apache Kafka', { skip: whyNot ?? false }, async t => {
  const kafka = await startKafka()
  t.after(() => kafka.stop())
  const directory = mkdtempSync(join(tmpdir(), 'evert-topology-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  await using cluster = await openCluster(kafka.url)
  // A cluster that outlives the test has topics of earlier runs.
  const run = process.hrtime.bigint().toString(36)
  for (const [number, scenario] of SCENARIOS.entries()) {
    let starts = 0
    // Every instance has a disk of its own.
    const options = () => ({ stateDir: join(directory, `state-${number}-${starts++}`) })
    await t.test(scenario.name, () =>
      runScenario(
        scenario.isRefusedByKafka === true
          ? { ...scenario, refusals: [/Topology updates are not supported yet/] }
          : scenario,
        { cluster, prefix: `${run}-${number}-`, options },
      ),
    )
  }
})
