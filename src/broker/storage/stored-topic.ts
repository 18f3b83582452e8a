import type { TopicLog } from './log-storage.ts'
import type { StoredPartition } from './partition-log.ts'
import { settingsOf, type TopicSettings } from './topic-settings.ts'

/**
 * Where a topic, or one partition of it, lies. Hexadecimal, since base64url ids may differ by case alone, which some
 * file systems do not tell apart; never the name.
 */
export function directoryOf(topicId: string, partition?: number): string {
  const directory = `topics/${Buffer.from(topicId, 'base64url').toString('hex')}`
  return partition === undefined ? directory : `${directory}/${partition}`
}

export class StoredTopic implements TopicLog {
  readonly id: string
  readonly name: string
  /** How many partitions the topic has, also while they are being opened. */
  partitionCount = 0
  readonly #logs: StoredPartition[] = []
  #configs: Readonly<Record<string, string>>
  #settings: TopicSettings

  constructor(id: string, name: string, configs: Readonly<Record<string, string>>) {
    this.id = id
    this.name = name
    this.#configs = configs
    this.#settings = settingsOf(configs)
  }

  get configs(): Readonly<Record<string, string>> {
    return this.#configs
  }

  get settings(): TopicSettings {
    return this.#settings
  }

  get partitions(): readonly StoredPartition[] {
    return this.#logs
  }

  configure(configs: Readonly<Record<string, string>>): void {
    this.#configs = configs
    this.#settings = settingsOf(configs)
  }

  place(log: StoredPartition): void {
    this.#logs[log.partition] = log
  }
}
