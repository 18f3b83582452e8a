import type { Clock } from '../../internal/clock.ts'
import type { ProducerStates } from './producer-state.ts'
import type { Segment } from './segment.ts'
import type { Place } from './segment-writer.ts'
import type { PageBudget } from './tail-pages.ts'
import type { TopicSettings } from './topic-settings.ts'

/** What a partition is given by the storage that it is part of. */
export interface PartitionSurroundings extends Place {
  readonly clock: Clock
  readonly budget: PageBudget
  readonly topicName: string
  readonly partition: number
  settings(): TopicSettings
  /** Makes a new log start offset durable. */
  saveLogStart(offset: number): Promise<void>
  /** Called after each sync: there is a newer recovery point. */
  synced(): void
}

/** What opening found: see recovery.ts. */
export interface PartitionStart {
  /** At least one; the last is appended to. */
  readonly segments: Segment[]
  readonly producers: ProducerStates
  readonly logStartOffset: number
}
