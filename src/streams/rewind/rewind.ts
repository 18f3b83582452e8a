import type { TopicPartition } from '../../client/topic-partitions.ts'

/**
 * Where inputs are moved to. `beginning`: the first records that their logs still have; `end`: behind the last;
 * a time: the first records of that time (ms since the epoch) or later; offsets: of the partitions that are named.
 */
export type RewindTarget =
  | 'beginning'
  | 'end'
  | { readonly timeMs: number }
  | { readonly offsets: readonly InputOffset[] }

export interface InputOffset extends TopicPartition {
  readonly offset: number
}

/** The first partition that is named for a second time, which leaves open where it goes. */
export function repeatedPartition(offsets: readonly InputOffset[]): InputOffset | undefined {
  return offsets.find(({ topic, partition }, i) =>
    offsets.slice(0, i).some(before => before.topic === topic && before.partition === partition),
  )
}

/** One partition of an input: where it stands and where it goes. */
export interface RewoundInput extends TopicPartition {
  /** What the application has committed: the next offset that it would read; undefined when it has read nothing yet. */
  readonly committed: number | undefined
  /** The next offset that it will read; undefined when it stays without one, and begins at the beginning. */
  readonly to: number | undefined
  /** Offsets from `to` up to `committed`: as many records are read again, or fewer (markers have offsets too). */
  readonly replayed: number
  /** Offsets from `committed` up to `to`, which are never read; so with `to: 'end'`. */
  readonly skipped: number
}

/** What a rewind does, or would do. */
export interface RewindPlan {
  readonly applicationId: string
  /** All partitions of all inputs, in order of their names. */
  readonly inputs: readonly RewoundInput[]
  /** Changelogs and repartition topics that are deleted. The next start makes them again, empty. */
  readonly internalTopics: readonly string[]
  /** Topics that have names of internal ones, but are not known to be this application's: they stay. */
  readonly unknownTopics: readonly string[]
  /** Where the topology writes, as far as it is known: these topics stay as they are, and get what is replayed again. */
  readonly outputTopics: readonly string[]
  /** Members of the group when the rewind was asked for: as long as there are any, the application runs. */
  readonly members: readonly string[]
  /** The group, with the topology that it knows; undefined when there is none. */
  readonly group: string | undefined
}
