import { EvertError } from '../errors.ts'
import { topicNameFault } from '../internal/topic-name.ts'
import type { Codec } from './codec.ts'
import { describeValue } from './schema.ts'

/** A named, typed contract: what its records' keys and values are, and how the topic is made if it is missing. */
export interface Topic<K, V> {
  readonly name: string
  readonly key: Codec<K>
  readonly value: Codec<V>
  /** Partitions when the topic is created. Default 6. */
  readonly partitions: number
  /** Kafka topic configs when the topic is created, such as `cleanup.policy`. */
  readonly configs: Readonly<Record<string, string>>
}

export interface TopicOptions<K, V> {
  key: Codec<K>
  value: Codec<V>
  partitions?: number
  configs?: Record<string, string>
}

/**
 * Declares a topic. Throws INVALID_TOPIC_NAME when the name breaks Kafka's rule; INVALID_ARGUMENT when key or value
 * has no codec.
 *
 * @example
 * const orders = topic('orders', { key: string, value: json(Order) })
 */
export function topic<K, V>(name: string, options: TopicOptions<K, V>): Topic<K, V> {
  assertTopicName(name)
  if (typeof options !== 'object' || options === null) {
    throw new EvertError(
      'INVALID_ARGUMENT',
      `Topic "${name}" needs the codecs of its records: topic("${name}", { key: string, value: json(schema) }).`,
    )
  }
  requireCodec(name, 'key', options.key)
  requireCodec(name, 'value', options.value)
  const { key, value, partitions = 6, configs = {} } = options
  if (!Number.isInteger(partitions) || partitions < 1) {
    throw new EvertError(
      'INVALID_ARGUMENT',
      `Topic "${name}" needs a whole number of partitions, 1 or more; got ${partitions}.`,
    )
  }
  return { name, key, value, partitions, configs }
}

function requireCodec(topic: string, side: 'key' | 'value', codec: unknown): void {
  const { encode, decode, '~standard': schema } = (codec ?? {}) as Record<string, unknown>
  if (typeof encode === 'function' && typeof decode === 'function' && schema === undefined) return
  const fault =
    schema === undefined
      ? `${describeValue(codec)} is none. Codecs are string, int64, json(schema) and others`
      : 'a schema is none: use json(schema)'
  throw new EvertError('INVALID_ARGUMENT', `Topic "${topic}" needs a codec as its ${side}; ${fault}.`)
}

/** The name of a topic is never a path. Throws INVALID_TOPIC_NAME. */
export function assertTopicName(name: string): void {
  const fault = topicNameFault(name)
  if (fault !== undefined) {
    throw new EvertError('INVALID_TOPIC_NAME', `The topic name ${JSON.stringify(name)} ${fault}.`)
  }
}
