import type { Cluster } from '../../client/cluster.ts'
import type { SubTopology, Topology } from '../graph/topology.ts'
import type { StateEngine } from '../state/byte-store.ts'
import type { StoreObserver } from '../state/store-observer.ts'
import { TaskStores } from '../state/task-stores.ts'
import type { TopicLimits } from './topic-limits.ts'

export interface StoreEnvironment {
  readonly topology: Topology
  readonly cluster: Cluster
  readonly engine: StateEngine
  /** What changelogs take. */
  readonly limits: TopicLimits
  /** Makes the observers of a store of a task; each task gets its own. */
  readonly observersOf: (store: string) => readonly StoreObserver<unknown>[]
  /** How much memory the changed values of all tasks may take; how many others are kept follows from it. */
  readonly stateStoreCacheMaxBytes: number
}

/** What a value that was used lately is taken for: 64 MiB are 100 000 of them. */
const BYTES_PER_CACHED_VALUE = 671

/**
 * How far a state may be behind its changelogs: what a restart reads again after a crash, in return for writing keys
 * that change in each commit once in ten of them.
 */
const FLUSH_INTERVAL_MS = 1000

/** Spreads the flushes of tasks that start together: the golden ratio puts each between those before it. */
const SPREAD = 0.618

/** The state of a task, open: whether it is active or a standby makes no difference to it. */
export function openTaskStores(
  subTopology: SubTopology,
  partition: number,
  environment: StoreEnvironment,
): TaskStores {
  const { cluster, engine, limits, observersOf, stateStoreCacheMaxBytes, topology } = environment
  const stores = new TaskStores(engine.openTask(`${subTopology.id}_${partition}`), {
    cachedValues: Math.ceil(stateStoreCacheMaxBytes / BYTES_PER_CACHED_VALUE),
    flushIntervalMs: followsEachCommit(subTopology, topology) ? 0 : FLUSH_INTERVAL_MS,
    elapsedMs: () => cluster.clock.elapsedMs(),
    elapsedAtFirst: (partition * SPREAD) % 1,
  })
  for (const { name, value, changelog } of subTopology.stores) {
    // A source topic that is the changelog is written by others.
    const isLogged = changelog !== undefined && !changelog.isSource
    stores.open({
      name,
      value,
      changelog: isLogged
        ? { topic: changelog.topic, partition, limit: limits.of(changelog.topic) }
        : undefined,
    })
    for (const observer of observersOf(name)) stores.observe(name, observer)
  }
  return stores
}

/** Views read what is committed; and what has no changelog is nowhere else. */
function followsEachCommit({ stores }: SubTopology, { views }: Topology): boolean {
  return stores.some(
    ({ name, changelog }) => changelog === undefined || views.some(({ store }) => store === name),
  )
}
