import { test } from 'node:test'
import { openCluster } from '../../src/app/open-cluster.ts'
import { joinGlobalTable, joinTablesBehindRepartitions, joinTablesByForeignKey } from './scenarios.ts'

for (const [lefts, rights] of [
  [4, 3],
  [3, 4],
] as const) {
  test(`a table of ${lefts} partitions joins one of ${rights} by foreign key`, async () => {
    await using cluster = await openCluster(`memory:foreign-${lefts}-${rights}`)
    await joinTablesByForeignKey(cluster, lefts, rights)
  })
}

test('tables behind repartitions join by foreign key, as wide as the widest that flows into them', async () => {
  await using cluster = await openCluster('memory:behind')
  await joinTablesBehindRepartitions(cluster)
})

test('a stream joins a global table of another number of partitions', async () => {
  await using cluster = await openCluster('memory:global')
  await joinGlobalTable(cluster)
})
