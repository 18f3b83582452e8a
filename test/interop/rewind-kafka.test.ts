import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openCluster } from '../../src/index.ts'
import { rewindToTheBeginning, stopByForce } from '../restart/rewind-scenarios.ts'
import { startKafka, whyNoKafka } from './kafka.ts'

const whyNot = await whyNoKafka()

test('applications are rewound on Apache Kafka', { skip: whyNot ?? false, timeout: 300_000 }, async t => {
  const kafka = await startKafka()
  t.after(() => kafka.stop())
  const directory = mkdtempSync(join(tmpdir(), 'evert-rewind-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  await using cluster = await openCluster(kafka.url)
  // A cluster that outlives the test has topics of earlier runs.
  const run = process.hrtime.bigint().toString(36)
  await t.test('to the beginning, on every disk', () =>
    rewindToTheBeginning(cluster, `${run}-`, join(directory, 'all')),
  )
  await t.test('while it runs, by force', () =>
    stopByForce(cluster, `${run}-force-`, join(directory, 'force')),
  )
})
