import type { RecordColumns } from '../../records/record-columns.ts'
import type { SubTopology } from '../graph/topology.ts'
import type { ErrorPolicy } from '../processors/error-policy.ts'
import type { StoreAccess } from '../processors/processor.ts'
import type { PartitionCount } from '../processors/sink.ts'
import type { RecordLimit } from '../../records/record-limit.ts'
import type { TaskCounts } from './record-counts.ts'
import type { RecordCollector } from '../state/record-collector.ts'
import type { RecordTracer } from './telemetry.ts'

export interface TaskOptions {
  readonly subTopology: SubTopology
  /** Which partition of its topics the task reads. */
  readonly partition: number
  /** Open and restored. The task writes to them while it processes; the runtime commits them. */
  readonly stores: StoreAccess
  readonly collector: RecordCollector
  /** What becomes of a record that fails. Default `fail`. */
  readonly onError?: ErrorPolicy
  /** For errors and dead letters. */
  readonly applicationId?: string
  /** What a topic takes that is written to. Default: whatever is given. */
  readonly limitOf?: (topic: string) => RecordLimit
  /** Refuses what the stores were given for the current record, before its effects become final. */
  readonly verifyChanges?: () => void
  /** Told of records that an error policy went on without: of the first, the second, the fourth … of a node and kind. */
  readonly warn?: (message: string) => void
  /** Traces each record. Default: none. */
  readonly tracer?: RecordTracer
  /** Where dropped and out-of-order records are counted. */
  readonly counts?: TaskCounts
  /** The wall clock. Default: the machine's. */
  readonly nowMs?: () => number
  /** Needed when a partitioner of the user's own chooses among the partitions of a topic. */
  readonly partitionsOf?: PartitionCount
  /** Where records are noted that are passed over in a topic from which a table is restored. Default: nowhere. */
  readonly skippedTopic?: string
}

/** A part of a fetch, ready to be processed. */
export interface TaskInput {
  readonly topic: string
  readonly partition: number
  /** Data batches in offset order, without aborted and control batches. */
  readonly batches: readonly { records(): RecordColumns }[]
  /** Records below it (the start of the first batch) are passed over. */
  readonly fromOffset: number
  /** Where the next fetch begins; becomes the position once every record before it is done. */
  readonly nextOffset: number
}

/** The next offset to process of one input partition: what a commit records. */
export interface TaskPosition {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}
