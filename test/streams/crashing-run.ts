import assert from 'node:assert/strict'
import type { Topology } from '../../src/streams/graph/topology.ts'
import { Task } from '../../src/streams/runtime/task.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import { type RestoredRecord, TaskStores } from '../../src/streams/state/task-stores.ts'
import { type RawRecord, singleRecord } from '../../src/testing/single-record.ts'

export interface Input {
  readonly topic: string
  readonly key: string | null
  readonly value: string | null
  readonly timestamp: number
}

/** What happens after how many inputs. A crash takes back what was not committed; with the disk, it takes all state. */
export interface Interruptions {
  readonly commits: ReadonlySet<number>
  readonly crashes: ReadonlyMap<number, 'process' | 'disk'>
}

interface Made {
  readonly topic: string
  readonly record: RawRecord
}

interface Life {
  readonly tasks: readonly { readonly task: Task; readonly stores: TaskStores; readonly topics: string[] }[]
  readonly outputs: string[]
  /** Written and not read yet. */
  readonly pending: Made[]
  /** Ends of the topics that the topology writes, and what it wrote. */
  readonly written: Map<string, number>
}

/**
 * Runs all tasks of a topology with one partition, input by input, and everything that an input causes before the
 * next. Gives the outputs that were committed, and all stores at the end.
 */
export function crashingRun(topology: Topology, inputs: readonly Input[], plan: Interruptions) {
  const changelogs = new Map<string, RestoredRecord[]>()
  const out: string[] = []
  const crashes = new Map(plan.crashes)
  let engine = new MemoryEngine()
  let committed = {
    next: 0,
    streamTimes: topology.subTopologies.map(() => -1),
    ends: new Map<string, number>(),
  }

  const open = (): Life => {
    const outputs: string[] = []
    const written = new Map(committed.ends)
    const pending: Made[] = []
    const tasks = topology.subTopologies.map((subTopology, index) => {
      const stores = new TaskStores(engine.openTask(`${index}_0`), { cachedValues: 16 })
      for (const { name, value, changelog } of subTopology.stores) {
        const logged = changelog !== undefined && !changelog.isSource
        stores.open({ name, value, changelog: logged ? { topic: changelog.topic, partition: 0 } : undefined })
        const isEmpty = Array.from(stores.committed(name).range()).length === 0
        if (isEmpty && changelog !== undefined) {
          const records = changelog.isSource
            ? inputs.slice(0, committed.next).flatMap(input => restoredFrom(input, changelog.topic))
            : (changelogs.get(changelog.topic) ?? [])
          stores.restore(name, records, {})
        }
      }
      const task = new Task({
        subTopology,
        partition: 0,
        stores,
        collector: {
          collect(topic, _partition, timestamp, key, value, headers) {
            const offset = written.get(topic) ?? 0
            written.set(topic, offset + 1)
            const record = { offset, timestamp, key: copied(key), value: copied(value), headers }
            pending.push({ topic, record })
            outputs.push(`${topic} ${String(record.key)} ${timestamp} ${record.value?.toString('latin1')}`)
          },
        },
        partitionsOf: () => 1,
      })
      task.restoreStreamTime(committed.streamTimes[index] as number)
      const sources = subTopology.repartitionSources.map(({ name }) => name)
      return { task, stores, topics: [...subTopology.sourceTopics, ...sources] }
    })
    return { tasks, outputs, pending, written }
  }

  const feed = ({ tasks }: Life, topic: string, record: RawRecord): void => {
    for (const each of tasks.filter(({ topics }) => topics.includes(topic))) {
      const { offset } = record
      const batches = [singleRecord(record)]
      each.task.enqueue({ topic, partition: 0, batches, fromOffset: offset, nextOffset: offset + 1 })
      each.task.process(1)
    }
  }

  let life = open()
  for (let next = 0; next < inputs.length; ) {
    const { topic, key, value, timestamp } = inputs[next] as Input
    const record = { offset: next, timestamp, key: bytesOf(key), value: bytesOf(value), headers: [] }
    feed(life, topic, record)
    const { pending } = life
    for (let made = pending.shift(); made !== undefined; made = pending.shift()) {
      feed(life, made.topic, made.record)
    }
    next++
    const crash = crashes.get(next)
    if (crash !== undefined) {
      crashes.delete(next)
      for (const { stores } of life.tasks) void stores.close()
      if (crash === 'disk') engine = new MemoryEngine()
      life = open()
      next = committed.next
    } else if (plan.commits.has(next) || next === inputs.length) {
      for (const { stores } of life.tasks) {
        stores.writeChangelog({
          collect(topic, _partition, timestamp, key, value) {
            const changed = { key: (key as Buffer).toString('latin1'), value: copied(value), timestamp }
            const changelog = changelogs.get(topic)
            if (changelog === undefined) changelogs.set(topic, [changed])
            else changelog.push(changed)
          },
        })
        stores.commit({})
      }
      out.push(...life.outputs.splice(0))
      const streamTimes = life.tasks.map(({ task }) => task.streamTime)
      committed = { next, streamTimes, ends: new Map(life.written) }
    }
  }
  const rows = topology.subTopologies.flatMap(({ stores }, index) =>
    stores.map(({ name }) => [
      name,
      Array.from(life.tasks[index]?.stores.committed(name).range() ?? [], ([key, row]) => [key, row]),
    ]),
  )
  return { out, rows }
}

/** Runs it without interruptions, with a commit after each input, and with crashes at random: all must be the same. */
export function assertSameWithCrashes(
  topology: Topology,
  inputs: readonly Input[],
  random: () => number,
): readonly string[] {
  const steps = inputs.map((_, step) => step)
  const never = crashingRun(topology, inputs, { commits: new Set(), crashes: new Map() })
  assert.deepEqual(crashingRun(topology, inputs, { commits: new Set(steps), crashes: new Map() }), never)
  const crashing = crashingRun(topology, inputs, {
    commits: new Set(steps.filter(() => random() < 0.1)),
    crashes: new Map(
      steps.flatMap(step => (random() < 0.04 ? [[step, random() < 0.5 ? 'disk' : 'process'] as const] : [])),
    ),
  })
  assert.deepEqual(crashing, never)
  return never.out
}

function restoredFrom({ topic, key, value, timestamp }: Input, wanted: string): RestoredRecord[] {
  return topic !== wanted || key === null
    ? []
    : [{ key: Buffer.from(key).toString('latin1'), value: bytesOf(value), timestamp }]
}

function bytesOf(text: string | null): Buffer | null {
  return text === null ? null : Buffer.from(text)
}

function copied(bytes: Buffer | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes)
}
