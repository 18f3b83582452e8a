import { EvertError } from '../../errors.ts'
import type { Journal } from '../storage/log-storage.ts'

/** What holds for a group, from its configs or from the broker's settings. */
export interface GroupSettings {
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly standbyReplicas: number
}

/** A group config of Kafka 4.x that this broker serves; all are whole numbers. */
export interface GroupConfig {
  readonly name: string
  readonly setting: keyof GroupSettings
  readonly least: number
  readonly most: number
  readonly documentation: string
}

const DAY_MS = 86_400_000

export const groupConfigs: readonly GroupConfig[] = [
  {
    name: 'streams.session.timeout.ms',
    setting: 'sessionTimeoutMs',
    least: 100,
    most: DAY_MS,
    documentation: 'How long a member of a streams group may stay silent before its tasks go to others.',
  },
  {
    name: 'streams.heartbeat.interval.ms',
    setting: 'heartbeatIntervalMs',
    least: 10,
    most: DAY_MS,
    documentation: 'How often members of a streams group send heartbeats.',
  },
  {
    name: 'streams.num.standby.replicas',
    setting: 'standbyReplicas',
    least: 0,
    most: 100,
    documentation: 'Warm copies of every stateful task, in other processes.',
  },
]

const PREFIX = 'group-config/'

/** Configs of groups, set by clients (IncrementalAlterConfigs); they outlive the group's members and the broker. */
export class GroupConfigs {
  readonly #journal: Journal
  readonly #defaults: GroupSettings
  readonly #configs = new Map<string, Readonly<Record<string, string>>>()

  constructor(journal: Journal, defaults: GroupSettings) {
    this.#journal = journal
    this.#defaults = defaults
    for (const [key, value] of journal.entries(PREFIX)) {
      this.#configs.set(key.slice(PREFIX.length), value as Readonly<Record<string, string>>)
    }
  }

  /** Those that were set. */
  of(groupId: string): Readonly<Record<string, string>> {
    return this.#configs.get(groupId) ?? {}
  }

  /** What holds without them. */
  defaultOf({ setting }: GroupConfig): string {
    return String(this.#defaults[setting])
  }

  settingsOf(groupId: string, own = this.of(groupId)): GroupSettings {
    const settings = { ...this.#defaults }
    for (const { name, setting } of groupConfigs) {
      if (own[name] !== undefined) settings[setting] = Number(own[name])
    }
    return settings
  }

  /** What is wrong with the configs of a group, or undefined. */
  refuse(groupId: string, configs: Readonly<Record<string, string>>): string | undefined {
    for (const [name, value] of Object.entries(configs)) {
      const known = groupConfigs.find(config => config.name === name)
      if (known === undefined) return `There is no group config "${name}".`
      const { least, most } = known
      const isWhole = /^\d{1,15}$/.test(value)
      if (!isWhole || Number(value) < least || Number(value) > most) {
        return `The group config ${name} is a whole number from ${least} to ${most}, not "${value}".`
      }
    }
    const { sessionTimeoutMs, heartbeatIntervalMs } = this.settingsOf(groupId, configs)
    if (sessionTimeoutMs > heartbeatIntervalMs) return undefined
    return `The session timeout (${sessionTimeoutMs} ms) must be above the heartbeat interval (${heartbeatIntervalMs} ms).`
  }

  /** Replaces the configs of a group; resolves when that is durable. */
  async set(groupId: string, configs: Readonly<Record<string, string>>): Promise<void> {
    const fault = this.refuse(groupId, configs)
    if (fault !== undefined) throw new EvertError('INVALID_ARGUMENT', fault)
    const isEmpty = Object.keys(configs).length === 0
    await this.#journal.put([[PREFIX + groupId, isEmpty ? undefined : { ...configs }]])
    if (isEmpty) this.#configs.delete(groupId)
    else this.#configs.set(groupId, configs)
  }
}
