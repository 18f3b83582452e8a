import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openCluster } from 'evert'
import { describeConfigs } from '../../src/client/admin.ts'
import { committedCounts, upTo } from '../exactly-once/counting.ts'
import { startInstance, words } from './instances/counting.ts'

const read = (path: string): string => readFileSync(join(import.meta.dirname, path), 'utf8')

test('the example of docs/instances.md is a file that runs: an instance goes on where another one left', {
  timeout: 60_000,
}, async () => {
  assert.ok(read('../../docs/instances.md').includes(`\`\`\`ts\n${read('instances/counting.ts')}\`\`\``))
  await using cluster = await openCluster('memory:docs-instances')
  const one = await startInstance(cluster)
  await one.whenRunning()
  const configs = await describeConfigs(cluster, { group: 'counting' })
  assert.equal(configs.get('streams.num.standby.replicas'), '1')
  await one.append(words, 'a', 'tree')
  await using two = await startInstance(cluster)
  await one.append(words, 'b', 'tree')
  await one.close()
  await two.append(words, 'c', 'tree')
  for (;;) {
    const counted = (await committedCounts(cluster)).get('tree') ?? []
    if (counted.length >= 3) {
      assert.deepEqual(counted, upTo(3))
      return
    }
    await new Promise(resolve => setTimeout(resolve, 10))
  }
})
