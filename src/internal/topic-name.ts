const MAX_NAME_LENGTH = 249
const LEGAL_NAME = /^[a-zA-Z0-9._-]+$/

/**
 * What is wrong with a topic's name, `is empty`; undefined: nothing. Kafka's rule
 * (org.apache.kafka.common.internals.Topic).
 */
export function topicNameFault(name: string): string | undefined {
  return typeof name !== 'string' || name.length === 0
    ? 'is empty'
    : name === '.' || name === '..'
      ? 'is "." or ".."'
      : name.length > MAX_NAME_LENGTH
        ? `has ${name.length} characters, more than ${MAX_NAME_LENGTH}`
        : LEGAL_NAME.test(name)
          ? undefined
          : 'has a character other than a-z, A-Z, 0-9, ".", "_" and "-"'
}
