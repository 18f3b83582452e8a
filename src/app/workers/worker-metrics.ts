import type { MetricFamily } from '../../internal/metric.ts'
import { streamsMetrics } from '../../streams/metrics/definitions.ts'
import type { WorkerHandle } from './worker-handle.ts'

/** What is of the whole instance; each worker has its own view of it. */
const OF_INSTANCE = [
  streamsMetrics.state,
  streamsMetrics.aliveWorkers,
  streamsMetrics.failedWorkers,
  streamsMetrics.restoreRatio,
]

/** The instance's own families with those of its workers, whose samples have the label `worker` (Kafka: thread-id). */
export function withWorkers(own: readonly MetricFamily[], workers: Iterable<WorkerHandle>): MetricFamily[] {
  const merged = new Map(own.map(family => [keyOf(family), family]))
  for (const { metrics, name: worker } of workers) {
    for (const family of metrics) {
      if (OF_INSTANCE.some(each => keyOf(each) === keyOf(family))) continue
      const samples = family.samples.map(sample => ({ ...sample, labels: { ...sample.labels, worker } }))
      const known = merged.get(keyOf(family))?.samples ?? []
      merged.set(keyOf(family), { ...family, samples: [...known, ...samples] } as MetricFamily)
    }
  }
  return [...merged.values()]
}

function keyOf({ group, name }: Pick<MetricFamily, 'group' | 'name'>): string {
  return `${group}/${name}`
}
