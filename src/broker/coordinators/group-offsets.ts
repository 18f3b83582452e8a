import type { JsonValue, Journal } from '../storage/log-storage.ts'

export interface CommittedOffset {
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
  readonly committedAtMs: number
}

export interface OffsetToCommit extends CommittedOffset {
  readonly topic: string
  readonly partition: number
}

export type JournalEntry = readonly [key: string, value: JsonValue | undefined]

const PREFIX = 'offset/'

/**
 * Committed offsets of all groups. Offsets of an open transaction wait in `pending`, by producer id; they become
 * visible, and durable, together with the transaction's decision.
 */
export class GroupOffsets {
  readonly #journal: Journal
  readonly #groups = new Map<string, Map<string, Map<number, CommittedOffset>>>()
  readonly #pending = new Map<number, Map<string, OffsetToCommit[]>>()

  constructor(journal: Journal) {
    this.#journal = journal
    for (const [key, value] of journal.entries(PREFIX)) {
      const [group, topic, partition] = JSON.parse(key.slice(PREFIX.length)) as [string, string, number]
      const [offset, leaderEpoch, metadata, committedAtMs] = value as [number, number, string, number]
      this.#set(group, { topic, partition, offset, leaderEpoch, metadata, committedAtMs })
    }
  }

  groups(): Iterable<string> {
    return this.#groups.keys()
  }

  has(group: string): boolean {
    return this.#groups.has(group)
  }

  /** Topics and partitions with a committed offset. */
  committed(group: string): ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>> {
    return this.#groups.get(group) ?? new Map()
  }

  /** Whether an open transaction holds an offset of the partition: a stable read has to wait for it. */
  isUnstable(group: string, topic: string, partition: number): boolean {
    for (const groups of this.#pending.values()) {
      for (const entry of groups.get(group) ?? []) {
        if (entry.partition === partition && entry.topic === topic) return true
      }
    }
    return false
  }

  hasPending(group: string): boolean {
    for (const groups of this.#pending.values()) if (groups.has(group)) return true
    return false
  }

  /** Commits outside of a transaction. Durable, then visible. */
  async commit(group: string, offsets: readonly OffsetToCommit[]): Promise<void> {
    await this.#journal.put(offsets.map(offset => entryOf(group, offset)))
    for (const offset of offsets) this.#set(group, offset)
  }

  /** Keeps offsets until the producer's transaction is decided. Later ones of the same partition win. */
  stage(producerId: number, group: string, offsets: readonly OffsetToCommit[]): void {
    let groups = this.#pending.get(producerId)
    if (groups === undefined) this.#pending.set(producerId, (groups = new Map()))
    const staged = groups.get(group) ?? []
    const replaced = staged.filter(
      old => !offsets.some(({ topic, partition }) => topic === old.topic && partition === old.partition),
    )
    groups.set(group, [...replaced, ...offsets])
  }

  /** The journal entries that commit the producer's staged offsets. */
  stagedEntries(producerId: number): JournalEntry[] {
    const entries: JournalEntry[] = []
    for (const [group, offsets] of this.#pending.get(producerId) ?? []) {
      for (const offset of offsets) entries.push(entryOf(group, offset))
    }
    return entries
  }

  /** Makes the producer's staged offsets visible, after their entries are durable. */
  publish(producerId: number): void {
    for (const [group, offsets] of this.#pending.get(producerId) ?? []) {
      for (const offset of offsets) this.#set(group, offset)
    }
    this.#pending.delete(producerId)
  }

  discard(producerId: number): void {
    this.#pending.delete(producerId)
  }

  async deleteGroup(group: string): Promise<void> {
    const entries: JournalEntry[] = []
    for (const [topic, partitions] of this.committed(group)) {
      for (const partition of partitions.keys()) entries.push([keyOf(group, topic, partition), undefined])
    }
    await this.#journal.put(entries)
    this.#groups.delete(group)
  }

  /** A deleted topic takes every group's offsets with it, so that a new one of the same name starts afresh. */
  async deleteTopic(topic: string): Promise<void> {
    const entries: JournalEntry[] = []
    for (const [group, topics] of this.#groups) {
      for (const partition of topics.get(topic)?.keys() ?? []) {
        entries.push([keyOf(group, topic, partition), undefined])
      }
    }
    if (entries.length === 0) return
    await this.#journal.put(entries)
    for (const topics of this.#groups.values()) topics.delete(topic)
  }

  #set(group: string, { topic, partition, ...committed }: OffsetToCommit): void {
    let topics = this.#groups.get(group)
    if (topics === undefined) this.#groups.set(group, (topics = new Map()))
    let partitions = topics.get(topic)
    if (partitions === undefined) topics.set(topic, (partitions = new Map()))
    partitions.set(partition, committed)
  }
}

function entryOf(group: string, { topic, partition, ...committed }: OffsetToCommit): JournalEntry {
  const { offset, leaderEpoch, metadata, committedAtMs } = committed
  return [keyOf(group, topic, partition), [offset, leaderEpoch, metadata, committedAtMs]]
}

function keyOf(group: string, topic: string, partition: number): string {
  return PREFIX + JSON.stringify([group, topic, partition])
}
