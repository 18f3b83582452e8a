import type { Cluster } from '../client/cluster.ts'
import { assert } from '../internal/assert.ts'
import type { StoreDefinition, SubTopology, Topology, ViewRegistration } from '../streams/graph/topology.ts'
import type { Instance } from './instance.ts'
import type { LocalTasks } from '../views/local-tasks.ts'
import { LocalReader } from '../views/local-reader.ts'
import { failureOf } from './failed.ts'
import { GlobalViewTasks } from './global-view-tasks.ts'
import type { AnyView } from './view-indexes.ts'
import { ViewTasks } from './view-tasks.ts'

/** Lets the topology's views answer from the application; the returned function ends that. */
export async function bindViews(
  topology: Topology,
  application: Instance,
  cluster: Cluster,
): Promise<() => void> {
  if (topology.views.length === 0) return () => {}
  // The internal topics, and so the numbers of tasks, are decided with the first assignment.
  await application.whenAssigned()
  const bound: AnyView[] = []
  const unbind = (): void => {
    const failure = failureOf(application)
    for (const view of bound) view.bind(undefined, failure)
  }
  try {
    for (const registration of topology.views) {
      const view = registration.view as AnyView
      const tasks = await tasksOf(topology, registration, application, cluster)
      const { key } = storeOf(topology, registration)
      view.bind(new LocalReader({ view, key, tasks, clock: cluster.clock }))
      bound.push(view)
    }
  } catch (error) {
    unbind()
    throw error
  }
  return unbind
}

/** Where the rows of a view live. */
export function storeOf(
  { subTopologies, globalTables }: Topology,
  { name, store }: ViewRegistration,
): StoreDefinition {
  const stores = [...globalTables.map(table => table.store), ...subTopologies.flatMap(each => each.stores)]
  const definition = stores.find(each => each.name === store)
  assert(definition !== undefined, `the store of view ${name} is nowhere`)
  return definition
}

async function tasksOf(
  { subTopologies, globalTables }: Topology,
  { store, view }: ViewRegistration,
  application: Instance,
  cluster: Cluster,
): Promise<LocalTasks<Record<string, unknown>>> {
  const { indexes } = (view as AnyView).options
  const table = globalTables.find(each => each.store.name === store)
  if (table !== undefined) return new GlobalViewTasks({ application, table, indexes })
  const subTopology = subTopologies.find(({ stores }) => stores.some(each => each.name === store))
  assert(subTopology !== undefined, `the store ${store} is in no sub-topology`)
  const partitions = await taskCount(cluster, subTopology)
  return new ViewTasks({ application, subTopology, partitions, store, indexes })
}

async function taskCount(
  cluster: Cluster,
  { sourceTopics, repartitionSources }: SubTopology,
): Promise<number> {
  const topics = [...sourceTopics, ...repartitionSources.map(({ name }) => name)]
  return Math.max(...(await Promise.all(topics.map(topic => cluster.partitionsOf(topic)))))
}
