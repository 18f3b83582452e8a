import { INDEX_INTERVAL_BYTES } from './storage/sparse-index.ts'
import { storageDefaults } from './storage/topic-settings.ts'

/** A topic config of Kafka 4.x, or one of Evert's own: its type, its default, and the values of it that are served. */
export interface TopicConfig {
  readonly name: string
  readonly type: 'boolean' | 'string' | 'int' | 'long' | 'double' | 'list'
  /** What holds where a topic says nothing. */
  readonly default: string
  readonly documentation?: string
  /** What is wrong with a value, or undefined. */
  refuse(value: string): string | undefined
}

const MAX_LONG = 2 ** 63
const MAX_INT = 2 ** 31 - 1
const WITHOUT_LIMIT = '9223372036854775807'

export const topicConfigs: ReadonlyMap<string, TopicConfig> = new Map(
  [
    list('cleanup.policy', storageDefaults['cleanup.policy'], ['delete', 'compact']),
    // Batches are stored as they came: nothing is compressed again, stamped anew, or moved to another tier.
    choice('compression.type', 'producer', ['producer']),
    whole('compression.gzip.level', 'int', '-1', -1, 9),
    whole('compression.lz4.level', 'int', '9', 1, 17),
    whole('compression.zstd.level', 'int', '3', -131_072, 22),
    whole('delete.retention.ms', 'long', '86400000', 0, MAX_LONG),
    whole('file.delete.delay.ms', 'long', '60000', 0, MAX_LONG),
    whole('flush.messages', 'long', WITHOUT_LIMIT, 1, MAX_LONG),
    whole('flush.ms', 'long', WITHOUT_LIMIT, 0, MAX_LONG),
    text('follower.replication.throttled.replicas', ''),
    text('leader.replication.throttled.replicas', ''),
    whole('index.interval.bytes', 'int', String(INDEX_INTERVAL_BYTES), 0, MAX_INT),
    whole('local.retention.bytes', 'long', '-2', -2, MAX_LONG),
    whole('local.retention.ms', 'long', '-2', -2, MAX_LONG),
    whole('max.compaction.lag.ms', 'long', WITHOUT_LIMIT, 1, MAX_LONG),
    whole('max.message.bytes', 'int', storageDefaults['max.message.bytes'], 0, MAX_INT),
    // Time never decides what is taken: a timestamp may lie far ahead.
    whole('message.timestamp.after.max.ms', 'long', WITHOUT_LIMIT, 0, MAX_LONG),
    whole('message.timestamp.before.max.ms', 'long', WITHOUT_LIMIT, 0, MAX_LONG),
    choice('message.timestamp.type', 'CreateTime', ['CreateTime']),
    {
      ...choice('evert.durability', storageDefaults['evert.durability'], ['sync', 'os']),
      documentation:
        'When an append is acknowledged: sync, when it is on disk (fdatasync); os, when the operating system has it, ' +
        'so that it survives the end of the process but not a loss of power.',
    },
    fraction('min.cleanable.dirty.ratio', '0.5'),
    whole('min.compaction.lag.ms', 'long', '0', 0, MAX_LONG),
    whole('min.insync.replicas', 'int', '1', 1, MAX_INT),
    {
      ...flag('preallocate', storageDefaults.preallocate),
      documentation:
        'Whether segment files are filled with zeroes some way ahead of small appends, which makes their fdatasync cheaper.',
    },
    flag('remote.log.copy.disable', 'false'),
    flag('remote.log.delete.on.disable', 'false'),
    choice('remote.storage.enable', 'false', ['false']),
    whole('retention.bytes', 'long', storageDefaults['retention.bytes'], -1, MAX_LONG),
    whole('retention.ms', 'long', storageDefaults['retention.ms'], -1, MAX_LONG),
    whole('segment.bytes', 'int', storageDefaults['segment.bytes'], 1024, MAX_INT),
    whole('segment.index.bytes', 'int', '10485760', 4, MAX_INT),
    whole('segment.jitter.ms', 'long', '0', 0, MAX_LONG),
    // Segments end by size alone.
    whole('segment.ms', 'long', WITHOUT_LIMIT, 1, MAX_LONG),
    flag('unclean.leader.election.enable', 'false'),
  ].map(config => [config.name, config]),
)

/** The value of a config of a topic: its own or the default. */
export function configValue(configs: Readonly<Record<string, string>>, name: string): string {
  return configs[name] ?? topicConfigs.get(name)?.default ?? ''
}

/** What is wrong with the configs asked for a topic, or undefined. */
export function refuseTopicConfigs(
  configs: readonly { readonly name: string; readonly value: string | null }[],
): string | undefined {
  for (const { name, value } of configs) {
    const config = topicConfigs.get(name)
    if (config === undefined) return `Unknown topic config name: ${name}`
    if (value === null) return `Null value not supported for topic config: ${name}`
    const fault = config.refuse(value)
    if (fault !== undefined) return `Invalid value ${value} for configuration ${name}: ${fault}`
  }
  return undefined
}

function whole(name: string, type: 'int' | 'long', value: string, least: number, most: number): TopicConfig {
  return {
    name,
    type,
    default: value,
    refuse(value) {
      if (!/^-?\d{1,19}$/.test(value)) return 'it must be a whole number.'
      const number = Number(value)
      return number >= least && number <= most ? undefined : `it must be from ${least} to ${most}.`
    },
  }
}

function fraction(name: string, value: string): TopicConfig {
  return {
    name,
    type: 'double',
    default: value,
    refuse: value =>
      value.trim() !== '' && Number(value) >= 0 && Number(value) <= 1 ? undefined : 'it must be from 0 to 1.',
  }
}

function flag(name: string, value: string): TopicConfig {
  return {
    name,
    type: 'boolean',
    default: value,
    refuse: value => (value === 'true' || value === 'false' ? undefined : 'it must be true or false.'),
  }
}

function choice(name: string, value: string, choices: readonly string[]): TopicConfig {
  return {
    name,
    type: 'string',
    default: value,
    refuse: value => (choices.includes(value) ? undefined : `it must be one of ${choices.join(', ')}.`),
  }
}

function list(name: string, value: string, choices: readonly string[]): TopicConfig {
  return {
    name,
    type: 'list',
    default: value,
    refuse(value) {
      const parts = value.split(',').map(part => part.trim())
      return parts.every(part => choices.includes(part))
        ? undefined
        : `it must be a list of ${choices.join(', ')}.`
    },
  }
}

function text(name: string, value: string): TopicConfig {
  return { name, type: 'list', default: value, refuse: () => undefined }
}
