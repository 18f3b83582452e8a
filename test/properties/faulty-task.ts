import { latin1Slice } from '../../src/internal/latin1.ts'
import type { SubTopology } from '../../src/streams/graph/topology.ts'
import type { RecordCollector } from '../../src/streams/state/record-collector.ts'
import { offsetOfMark, resumeOffset } from '../../src/streams/runtime/log-mark.ts'
import { changelogMark } from '../../src/streams/runtime/restore.ts'
import { type RecordPlace, skippedKey } from '../../src/streams/runtime/skipped-records.ts'
import { Task } from '../../src/streams/runtime/task.ts'
import type { ErrorPolicy } from '../../src/streams/processors/error-policy.ts'
import type { StateEngine, TaskState } from '../../src/streams/state/byte-store.ts'
import { TaskStores } from '../../src/streams/state/task-stores.ts'
import type { RawRecord } from '../../src/testing/single-record.ts'
import { differenceBetween } from './outcome.ts'
import { batchesOf } from './simulated-log.ts'
import { outcomeOfStores, SKIPPED, type SimulatedTask, type TaskMaker, type World } from './simulated-run.ts'

/** How a run differs from the plain one. */
export interface Conduct {
  readonly engine: StateEngine
  /** Greatest number of records that one fetch brings, that one call processes, and that one restore step applies. */
  readonly batchRecords: number
  /** After each call of `process`. */
  readonly commitChance: number
  readonly faultChance: number
  /** A commit is due when changed values take more. */
  readonly cacheBytes: number
  readonly cachedValues: number
  /** The engine takes every so many commits at once, where all stores have changelogs; 1: each. */
  readonly flushedCommits: number
  readonly random: () => number
}

interface Committed {
  readonly offset: number
  readonly streamTime: number
  readonly partitionTime: number
}

const TOPIC_ID = 'topic-id'

/** A task over a state engine, with commits and faults of every kind, all that a runtime does about them included. */
export function faultyTask(onError: ErrorPolicy, conduct: Conduct): TaskMaker {
  return (subTopology, world) => new FaultyTask(subTopology, world, { ...conduct, onError })
}

class FaultyTask implements SimulatedTask {
  readonly #subTopology: SubTopology
  readonly #world: World
  readonly #conduct: Conduct & { readonly onError: ErrorPolicy }
  readonly #id: string
  readonly #committed = new Map<string, Committed>()
  #fetched = new Map<string, number>()
  #pending: [topic: string, record: Omit<RawRecord, 'offset'>][] = []
  #stores: TaskStores
  /** What the stores are over; a crash closes it alone. */
  #state: TaskState
  #commits = 0
  #task: Task

  constructor(subTopology: SubTopology, world: World, conduct: Conduct & { readonly onError: ErrorPolicy }) {
    this.#subTopology = subTopology
    this.#world = world
    this.#conduct = conduct
    this.#id = `${subTopology.id}_0`
    this.#state = this.#conduct.engine.openTask(this.#id)
    this.#stores = this.#openStores(this.#state)
    this.#task = this.#newTask()
  }

  async runTo(ends: ReadonlyMap<string, number>): Promise<void> {
    const { batchRecords } = this.#conduct
    const isUnread = (topic: string) => (this.#fetched.get(topic) ?? 0) < (ends.get(topic) ?? 0)
    for (;;) {
      for (const [topic, end] of ends) if (isUnread(topic) && this.#chance(0.5)) this.#fetch(topic, end)
      this.#task.process(1 + this.#whole(batchRecords), isUnread)
      if (this.#chance(this.#conduct.faultChance)) await this.#crash()
      const isFull = this.#stores.unflushedBytes > this.#conduct.cacheBytes
      if (isFull || this.#chance(this.#conduct.commitChance)) await this.#commit()
      if (this.#task.buffered > 0 || [...ends.keys()].some(isUnread)) continue
      await this.#commit()
      if (this.#task.buffered === 0 && ![...ends.keys()].some(isUnread)) return
    }
  }

  async close(): Promise<Map<string, string[]>> {
    await this.#stores.close()
    this.#reopen()
    await this.#restore()
    const left = outcomeOfStores(this.#subTopology, name => this.#stores.committed(name).range())
    await this.#loseState()
    await this.#restore()
    const restored = outcomeOfStores(this.#subTopology, name => this.#stores.committed(name).range())
    const difference = differenceBetween(left, restored)
    if (difference !== undefined)
      throw new Error(`What changelogs restore is not what was stored: ${difference}`)
    await this.#stores.close()
    return left
  }

  #fetch(topic: string, end: number): void {
    const { log } = this.#world
    const from = this.#fetched.get(topic) ?? 0
    const { records, nextOffset } = log.read(topic, from, end, 1 + this.#whole(this.#conduct.batchRecords))
    // A broker gives whole batches: the first may begin before what was asked for.
    const before = log.records(topic).filter(({ offset }) => offset < from && offset >= from - this.#whole(4))
    const isJoined = before.at(-1)?.offset === from - 1 && records[0]?.offset === from
    const batches = batchesOf(isJoined ? [...before, ...records] : records)
    this.#task.enqueue({ topic, partition: 0, batches, fromOffset: from, nextOffset })
    this.#fetched.set(topic, nextOffset)
  }

  async #commit(): Promise<void> {
    const isFailing = this.#chance(this.#conduct.faultChance)
    this.#stores.writeChangelog(this.#collector())
    const positions = this.#task.positions()
    if (isFailing && this.#chance(0.5)) return this.#abort()
    const { log } = this.#world
    const written = new Set(this.#pending.map(([topic]) => topic))
    for (const [topic, record] of this.#pending) log.append(topic, record)
    this.#pending = []
    const { streamTime } = this.#task
    for (const { topic, offset } of positions) {
      if (this.#committed.get(topic)?.offset === offset) continue
      this.#committed.set(topic, { offset, streamTime, partitionTime: this.#task.partitionTimeOf(topic) })
    }
    const marks: Record<string, string> = {}
    for (const { name, changelog } of this.#logged()) {
      const end = changelog.isSource ? this.#committed.get(changelog.topic)?.offset : log.end(changelog.topic)
      if (end === undefined || end <= offsetOfMark(this.#stores.metadata(`changelog/${name}`))) continue
      Object.assign(marks, changelogMark(name, TOPIC_ID, end))
    }
    for (const topic of written) log.mark(topic)
    // The log has it, the store not.
    if (isFailing) return this.#crash()
    this.#commits++
    this.#stores.commit(marks, { mustFlush: this.#stores.unflushedBytes > this.#conduct.cacheBytes })
  }

  /** The worker goes on: the stores stay open. */
  async #abort(): Promise<void> {
    this.#stores.abort()
    await this.#restore()
  }

  /** The process is gone, and now and then its disk too. */
  async #crash(): Promise<void> {
    if (this.#chance(0.3)) await this.#loseState()
    else {
      await this.#state.close()
      this.#reopen()
    }
    await this.#restore()
  }

  #reopen(): void {
    this.#state = this.#conduct.engine.openTask(this.#id)
    this.#stores = this.#openStores(this.#state)
  }

  async #loseState(): Promise<void> {
    await this.#state.close()
    await this.#conduct.engine.dropTask(this.#id)
    this.#reopen()
  }

  async #restore(): Promise<void> {
    const { log } = this.#world
    this.#pending = []
    for (const { name, changelog } of this.#logged()) {
      const { topic, isSource } = changelog
      const end = isSource ? (this.#committed.get(topic)?.offset ?? 0) : log.end(topic)
      const mark = this.#stores.metadata(`changelog/${name}`)
      let from = resumeOffset(name, mark, { topic, topicId: TOPIC_ID, start: 0, end })
      while (from < end) {
        const { records, nextOffset } = log.read(
          topic,
          from,
          end,
          1 + this.#whole(this.#conduct.batchRecords),
        )
        const rows = records.flatMap(({ key, value, timestamp, offset }) =>
          key === null || this.#isSkipped({ topic, partition: 0, offset })
            ? []
            : [{ key: latin1Slice(key), value, timestamp }],
        )
        this.#stores.restore(name, rows, changelogMark(name, TOPIC_ID, nextOffset))
        from = nextOffset
        if (this.#chance(this.#conduct.faultChance / 4)) return this.#crash()
      }
    }
    this.#task = this.#newTask()
    this.#fetched = new Map(Array.from(this.#committed, ([topic, { offset }]) => [topic, offset]))
    for (const [topic, { streamTime, partitionTime }] of this.#committed) {
      this.#task.restoreStreamTime(streamTime)
      this.#task.restorePartitionTime(topic, partitionTime)
    }
  }

  #isSkipped(place: RecordPlace): boolean {
    const noted = skippedKey(place)
    return this.#world.log.records(SKIPPED).some(({ key }) => key?.equals(noted) === true)
  }

  #logged() {
    return this.#subTopology.stores.flatMap(({ name, changelog }) =>
      changelog === undefined ? [] : [{ name, changelog }],
    )
  }

  #openStores(state: TaskState): TaskStores {
    const { cachedValues, flushedCommits } = this.#conduct
    const isLogged = this.#subTopology.stores.every(({ changelog }) => changelog !== undefined)
    const stores = new TaskStores(state, {
      cachedValues,
      flushIntervalMs: isLogged ? flushedCommits : 0,
      elapsedMs: () => this.#commits,
    })
    for (const { name, value, changelog } of this.#subTopology.stores) {
      const isLogged = changelog !== undefined && !changelog.isSource
      stores.open({ name, value, changelog: isLogged ? { topic: changelog.topic, partition: 0 } : undefined })
    }
    return stores
  }

  #newTask(): Task {
    const { globalStores } = this.#world
    const stores = this.#stores
    return new Task({
      subTopology: this.#subTopology,
      partition: 0,
      onError: this.#conduct.onError,
      nowMs: () => 0,
      partitionsOf: () => 1,
      stores: {
        keyValue: <V>(name: string) =>
          (globalStores.get(name) ?? stores.keyValue<V>(name)) as ReturnType<typeof stores.keyValue<V>>,
      },
      collector: this.#collector(),
      skippedTopic: SKIPPED,
    })
  }

  #collector(): RecordCollector {
    return {
      collect: (topic, _partition, timestamp, key, value, headers) => {
        const copy = (bytes: Buffer | null) => (bytes === null ? null : Buffer.from(bytes))
        this.#pending.push([topic, { timestamp, key: copy(key), value: copy(value), headers }])
      },
    }
  }

  #whole(below: number): number {
    return Math.floor(this.#conduct.random() * below)
  }

  #chance(chance: number): boolean {
    return this.#conduct.random() < chance
  }
}
