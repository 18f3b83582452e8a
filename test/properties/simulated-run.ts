import type { SubTopology, Topology } from '../../src/streams/graph/topology.ts'
import { DriverStore } from '../../src/testing/driver-stores.ts'
import type { Inputs } from './input.ts'
import { type Outcome, recordsAsText, rowsAsText } from './outcome.ts'
import { SimulatedLog } from './simulated-log.ts'

export const DEAD_LETTERS = 'dead-letters'
/** Where tasks note what they pass over; a task that is never restored has no need of it. */
export const SKIPPED = 'skipped'

/** Runs one task: takes its inputs from the log up to the given ends, and leaves its outputs there. */
export interface SimulatedTask {
  runTo(ends: ReadonlyMap<string, number>): Promise<void>
  /** Rows by store, when all is done. */
  close(): Promise<Map<string, string[]>>
}

export type TaskMaker = (subTopology: SubTopology, world: World) => SimulatedTask

export interface World {
  readonly log: SimulatedLog
  readonly topology: Topology
  readonly globalStores: ReadonlyMap<string, DriverStore<unknown>>
}

/**
 * Runs a topology over a log with one partition per topic. Each part of the inputs is one round: every task in turn
 * takes all that is in its inputs when its turn begins; rounds go on until nothing is left. What a task sees, and in
 * which order, thus follows from the inputs alone, however the task itself goes about it: feedback from a later
 * sub-topology to an earlier one (foreign-key joins) included.
 */
export async function runSimulated(
  topology: Topology,
  inputs: Inputs,
  make: TaskMaker,
  maxRecords = Infinity,
): Promise<Outcome> {
  const log = new SimulatedLog(maxRecords)
  const globalStores = new Map(
    topology.globalTables.map(({ store }) => [store.name, new DriverStore(store.name)]),
  )
  const world: World = { log, topology, globalStores }
  const tasks = topology.subTopologies.map(subTopology => ({
    topics: [...subTopology.sourceTopics, ...subTopology.repartitionSources.map(({ name }) => name)],
    ended: new Map<string, number>(),
    task: make(subTopology, world),
  }))
  const isBehind = () =>
    tasks.some(({ topics, ended }) => topics.some(topic => (ended.get(topic) ?? 0) < log.end(topic)))
  const round = async () => {
    for (const { task, topics, ended } of tasks) {
      for (const topic of topics) ended.set(topic, log.end(topic))
      await task.runTo(ended)
    }
  }
  for (const part of inputs) {
    for (const { topic, ...record } of part) {
      log.append(topic, record)
      const table = topology.globalTables.find(each => each.topic === topic)
      if (table === undefined || record.key === null) continue
      const value = record.value === null ? null : table.store.value.decode(record.value)
      globalStores.get(table.store.name)?.put(record.key.toString('latin1'), value, record.timestamp)
    }
    await round()
  }
  while (isBehind()) await round()

  const outcome = new Map<string, readonly string[]>()
  for (const { task } of tasks)
    for (const [name, rows] of await task.close()) outcome.set(`store ${name}`, rows)
  const changelogs = new Set(
    topology.subTopologies.flatMap(({ stores }) => stores.map(({ changelog }) => changelog?.topic)),
  )
  for (const topic of log.topics) {
    if (changelogs.has(topic) || topic === SKIPPED) continue
    outcome.set(`topic ${topic}`, recordsAsText(log.records(topic), topic !== DEAD_LETTERS))
  }
  return outcome
}

/** All rows of the stores of a task. */
export function outcomeOfStores(
  { stores }: SubTopology,
  rowsOf: (name: string) => Parameters<typeof rowsAsText>[1],
): Map<string, string[]> {
  return new Map(stores.map(definition => [definition.name, rowsAsText(definition, rowsOf(definition.name))]))
}
