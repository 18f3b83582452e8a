import { describe, test } from 'node:test'
import { openCluster } from '../../src/app/open-cluster.ts'
import { describeCluster } from '../../src/client/admin.ts'
import { endsAtWhatIsTooLarge, passesOverWhatIsTooLarge } from './too-large.ts'

for (const guarantee of ['exactly_once', 'at_least_once'] as const) {
  describe(`in one process, ${guarantee}`, () => {
    test('an application without a policy ends and names what is too large', {
      timeout: 60_000,
    }, async () => {
      await using cluster = await openCluster(`memory:ends-${guarantee}`)
      await endsAtWhatIsTooLarge({ cluster, prefix: '', guarantee })
    })
  })
}

test('records that are too large are passed over one by one', { timeout: 60_000 }, async () => {
  await using cluster = await openCluster('memory:passes-over')
  await passesOverWhatIsTooLarge({ cluster, prefix: '' })
})

test('over TCP too', { timeout: 120_000 }, async () => {
  await using log = await openCluster('memory:too-large-tcp', { listener: { port: 0 } })
  const [broker] = (await describeCluster(log)).brokers
  await using cluster = await openCluster(`kafka://${broker?.host}:${broker?.port}`)
  await passesOverWhatIsTooLarge({ cluster, prefix: 'a-' })
  await endsAtWhatIsTooLarge({ cluster, prefix: 'b-' })
})
