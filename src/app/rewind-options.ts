import { repeatedPartition, type RewindTarget } from '../streams/rewind/rewind.ts'
import { milliseconds, place, someText, trueOrFalse } from './option-rules.ts'
import type { RewindOptions } from './rewind-application.ts'
import { isObject, requireOptions, type RulesOf } from './rule.ts'

const rewindRules: RulesOf<RewindOptions> = {
  cluster: place,
  to: {
    words:
      '"beginning", "end", { timeMs } with a whole number of milliseconds since 1970, 0 or more, or ' +
      '{ offsets } with a list of { topic, partition, offset }',
    isMet: isTarget,
    faultOf: faultOfTarget,
    isRequired: true,
  },
  topics: {
    words: 'a list of the names of one or more topics',
    isMet: value => isNames(value) && value.length > 0,
  },
  internalTopics: { words: 'a list of names of topics', isMet: isNames },
  stateDir: someText,
  dryRun: trueOrFalse,
  force: trueOrFalse,
  stopTimeoutMs: milliseconds,
}

/**
 * Throws INVALID_ARGUMENT for options of `rewindApplication` that the compiler would have refused, or could not know
 * of: what it does cannot be undone, so nothing that is not understood is passed over.
 */
export function requireRewindOptions(options: unknown): asserts options is RewindOptions {
  requireOptions('rewindApplication', options, rewindRules)
}

function isTarget(value: unknown): value is RewindTarget {
  if (value === 'beginning' || value === 'end') return true
  if (!isObject(value)) return false
  const { timeMs, offsets } = value
  if (hasExactly(value, ['timeMs'])) return isWhole(timeMs)
  if (!hasExactly(value, ['offsets']) || !Array.isArray(offsets)) return false
  return offsets.length > 0 && offsets.every(isOffset)
}

function faultOfTarget(value: unknown): string | undefined {
  if (!isTarget(value) || typeof value === 'string' || !('offsets' in value)) return undefined
  const twice = repeatedPartition(value.offsets)
  return twice && `names partition ${twice.partition} of "${twice.topic}" twice; once says where to`
}

function isOffset(value: unknown): boolean {
  if (!isObject(value) || !hasExactly(value, ['topic', 'partition', 'offset'])) return false
  return typeof value['topic'] === 'string' && isWhole(value['partition']) && isWhole(value['offset'])
}

function hasExactly(value: Record<string, unknown>, names: readonly string[]): boolean {
  return Object.keys(value).length === names.length && names.every(name => Object.hasOwn(value, name))
}

function isWhole(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function isNames(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(name => typeof name === 'string')
}
