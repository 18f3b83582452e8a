/** What the storage itself reads from a topic's configs. */
export interface TopicSettings {
  readonly segmentBytes: number
  readonly maxMessageBytes: number
  /** -1: for ever. */
  readonly retentionMs: number
  /** -1: without limit. */
  readonly retentionBytes: number
  /** Whether an append waits for fdatasync, or only for the write. */
  readonly durability: 'sync' | 'os'
}

const MAX_SEGMENT_BYTES = 2 ** 31 - 1

/**
 * The storage's own defaults, used where a topic says nothing: smaller segments than Kafka's, since recovery after a
 * crash scans one of them, and no retention, since the log is the source of truth.
 */
export function settingsOf(configs: Readonly<Record<string, string>>): TopicSettings {
  const isDeleted = (configs['cleanup.policy'] ?? 'delete').includes('delete')
  return {
    segmentBytes: Math.min(MAX_SEGMENT_BYTES, numberIn(configs, 'segment.bytes', 64 * 1024 * 1024)),
    maxMessageBytes: numberIn(configs, 'max.message.bytes', 1024 * 1024 + 12),
    retentionMs: isDeleted ? numberIn(configs, 'retention.ms', -1) : -1,
    retentionBytes: isDeleted ? numberIn(configs, 'retention.bytes', -1) : -1,
    durability: configs['evert.durability'] === 'os' ? 'os' : 'sync',
  }
}

function numberIn(configs: Readonly<Record<string, string>>, name: string, otherwise: number): number {
  const value = configs[name]
  return value === undefined ? otherwise : Number(value)
}
