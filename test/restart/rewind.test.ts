import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openCluster } from '../../src/index.ts'
import { rewindToTheBeginning, stopByForce } from './rewind-scenarios.ts'

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'evert-rewind-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

test('an application that is rewound computes everything again, on every disk', {
  timeout: 60_000,
}, async t => {
  const directory = temporary(t)
  await using cluster = await openCluster(`file:${join(directory, 'log')}`)
  await rewindToTheBeginning(cluster, '', directory)
})

test('an application that runs is rewound by force alone', { timeout: 60_000 }, async t => {
  const directory = temporary(t)
  await using cluster = await openCluster(`file:${join(directory, 'log')}`)
  await stopByForce(cluster, '', directory)
})
