import type { Cluster } from '../client/cluster.ts'
import { assert } from '../internal/assert.ts'
import type { View } from '../streams/dsl/view.ts'
import type { StoreDefinition, SubTopology, Topology, ViewRegistration } from '../streams/graph/topology.ts'
import type { Application } from '../streams/runtime/application.ts'
import type { StoreObserver } from '../streams/state/store-observer.ts'
import { LocalReader } from '../views/local-reader.ts'
import { SecondaryIndexes } from '../views/secondary-index.ts'
import { ViewTasks } from './view-tasks.ts'

export type AnyView = View<unknown, Record<string, unknown>>

/** Makes the observers that keep the indexes of the topology's views. */
export function indexedBy(topology: Topology): (store: string) => StoreObserver<unknown>[] {
  return store => {
    // Several views of one store share one set of indexes.
    const fields = topology.views
      .filter(registration => registration.store === store)
      .flatMap(({ view }) => (view as AnyView).options.indexes)
    return fields.length === 0 ? [] : [new SecondaryIndexes(store, fields)]
  }
}

/** Lets the topology's views answer from the application; the returned function ends that. */
export async function bindViews(
  topology: Topology,
  application: Application,
  cluster: Cluster,
): Promise<() => void> {
  if (topology.views.length === 0) return () => {}
  // The internal topics, and so the numbers of tasks, are decided with the first assignment.
  await application.whenAssigned()
  const bound: AnyView[] = []
  const unbind = (): void => {
    for (const view of bound) view.bind(undefined)
  }
  try {
    for (const registration of topology.views) {
      const { subTopology, definition } = ownerOf(topology, registration)
      const view = registration.view as AnyView
      const tasks = new ViewTasks<Record<string, unknown>>({
        application,
        subTopology,
        partitions: await taskCount(cluster, subTopology),
        store: registration.store,
        indexes: view.options.indexes,
      })
      view.bind(new LocalReader({ view, key: definition.key, tasks, clock: cluster.clock }))
      bound.push(view)
    }
  } catch (error) {
    unbind()
    throw error
  }
  return unbind
}

/** Where the rows of a view live. */
export function ownerOf(
  { subTopologies }: Topology,
  { name, store }: ViewRegistration,
): { subTopology: SubTopology; definition: StoreDefinition } {
  const subTopology = subTopologies.find(({ stores }) => stores.some(each => each.name === store))
  const definition = subTopology?.stores.find(each => each.name === store)
  assert(
    subTopology !== undefined && definition !== undefined,
    `the store of view ${name} is in no sub-topology`,
  )
  return { subTopology, definition }
}

async function taskCount(
  cluster: Cluster,
  { sourceTopics, repartitionSources }: SubTopology,
): Promise<number> {
  const topics = [...sourceTopics, ...repartitionSources.map(({ name }) => name)]
  return Math.max(...(await Promise.all(topics.map(topic => cluster.partitionsOf(topic)))))
}
