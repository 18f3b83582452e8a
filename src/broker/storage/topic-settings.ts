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
  /** Whether segments are filled with zeroes ahead of small appends that wait for fdatasync. */
  readonly preallocate: boolean
}

/**
 * What holds where a topic says nothing, by the name of the config; also what clients are told. Smaller segments than
 * Kafka's, since recovery after a crash scans one of them, and no retention, since the log is the source of truth.
 */
export const storageDefaults = {
  'cleanup.policy': 'delete',
  'segment.bytes': String(64 * 1024 * 1024),
  'max.message.bytes': String(1024 * 1024 + 12),
  'retention.ms': '-1',
  'retention.bytes': '-1',
  'evert.durability': 'sync',
  preallocate: 'true',
} as const

export function settingsOf(configs: Readonly<Record<string, string>>): TopicSettings {
  const value = (name: keyof typeof storageDefaults) => configs[name] ?? storageDefaults[name]
  const isDeleted = value('cleanup.policy').includes('delete')
  return {
    segmentBytes: Number(value('segment.bytes')),
    maxMessageBytes: Number(value('max.message.bytes')),
    retentionMs: isDeleted ? Number(value('retention.ms')) : -1,
    retentionBytes: isDeleted ? Number(value('retention.bytes')) : -1,
    durability: value('evert.durability') === 'os' ? 'os' : 'sync',
    preallocate: value('preallocate') === 'true',
  }
}
