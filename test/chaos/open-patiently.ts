import { openCluster } from '../../src/app/open-cluster.ts'
import type { Cluster } from '../../src/client/cluster.ts'
import { EvertError } from '../../src/errors.ts'

/** Opens a cluster that may be down at this moment: openCluster itself says so at once. */
export async function openPatiently(url: string): Promise<Cluster> {
  for (;;) {
    try {
      return await openCluster(url)
    } catch (error) {
      if (!(error instanceof EvertError) || !error.retryable) throw error
      await new Promise(resolve => setTimeout(resolve, 200))
    }
  }
}
