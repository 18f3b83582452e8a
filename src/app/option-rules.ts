import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Cluster, type ClusterOptions } from '../client/cluster.ts'
import type { ClusterListener } from '../client/transport/options.ts'
import { topicNameFault } from '../internal/topic-name.ts'
import type { Optimization, TopologyOptions } from '../streams/graph/to-topology.ts'
import { ERROR_POLICY, isErrorPolicy } from '../streams/processors/error-policy.ts'
import { deadLetterTopics, rulesOf } from '../streams/runtime/error-rules.ts'
import type { AppendWait } from './append-wait.ts'
import type { HttpOptions, StartOptions, WorkersOptions } from './app.ts'
import { isObject, type Rule, type RulesOf, requireOptions } from './rule.ts'
import type { CloseOptions } from './running.ts'

/** Left to the compiler, and to whoever reads the option. */
const unchecked: Rule = { words: 'anything', isMet: () => true }
const fn: Rule = { words: 'a function', isMet: value => typeof value === 'function' }
const text: Rule = { words: 'a string', isMet: value => typeof value === 'string' }

export const someText: Rule = {
  words: 'a string that is not empty',
  isMet: value => typeof value === 'string' && value !== '',
}

/** The greatest delay of a timer: with a greater one it would ring at once. */
const MAX_DELAY_MS = 2 ** 31 - 1

export const milliseconds: Rule = {
  words: `a number of milliseconds, 0 to ${MAX_DELAY_MS}`,
  isMet: isDuration,
}

const wholeMilliseconds: Rule = {
  words: `a whole number of milliseconds, 1 to ${MAX_DELAY_MS}`,
  isMet: value => Number.isInteger(value) && Number(value) > 0 && isDuration(value),
}

const port: Rule = {
  words: 'a whole number, 0 to 65535 (0 takes a free one)',
  isMet: value => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 65_535,
}

function objectOf<Options extends object>(fields: RulesOf<Options>): Rule {
  const names = Object.keys(fields).join(', ')
  return { words: `an object: { ${names} }`, isMet: isObject, fields }
}

const listener = objectOf<ClusterListener>({ host: someText, port, advertisedHost: someText })

const http = objectOf<HttpOptions>({
  port: { ...port, isRequired: true },
  host: someText,
  maxReadyLag: {
    words: 'a number of offsets, 0 or more',
    isMet: value => Number(value) >= 0 && typeof value === 'number',
  },
})

function oneOf(...values: readonly string[]): Rule {
  return {
    words: values.map(value => JSON.stringify(value)).join(' or '),
    isMet: value => typeof value === 'string' && values.includes(value),
  }
}

const abortSignal: Rule = { words: 'an AbortSignal', isMet: value => value instanceof AbortSignal }

const appendWaitRules: RulesOf<AppendWait> = { timeoutMs: milliseconds, signal: abortSignal }

const closeRules: RulesOf<CloseOptions> = { timeoutMs: milliseconds }

export const place: Rule = {
  words: 'a cluster URL (file:DIRECTORY, memory:, kafka://host:port) or what openCluster returns',
  isMet: value => typeof value === 'string' || value instanceof Cluster,
  isRequired: true,
}

export const trueOrFalse: Rule = { words: 'true or false', isMet: value => typeof value === 'boolean' }

const startRules: RulesOf<StartOptions> = {
  cluster: place,
  listener,
  stateDir: someText,
  store: oneOf('lmdb', 'memory'),
  commitIntervalMs: milliseconds,
  stateCleanupDelayMs: milliseconds,
  maxTaskIdleMs: {
    words: `a number of milliseconds, 0 to ${MAX_DELAY_MS}, or -1`,
    isMet: value => value === -1 || isDuration(value),
  },
  stateStoreCacheMaxBytes: {
    words: 'a whole number of bytes, 0 or more',
    isMet: value => Number.isSafeInteger(value) && Number(value) >= 0,
  },
  numStandbyReplicas: {
    words: 'a whole number, 0 or more',
    isMet: value => Number.isSafeInteger(value) && Number(value) >= 0,
  },
  sessionTimeoutMs: wholeMilliseconds,
  heartbeatIntervalMs: wholeMilliseconds,
  guarantee: oneOf('exactly_once', 'at_least_once'),
  onError: {
    words: ERROR_POLICY,
    isMet: isErrorPolicy,
    faultOf: badLetterOf,
  },
  onStateChange: fn,
  onFailure: fn,
  onRestore: fn,
  onTopologyChange: oneOf('refuse', 'accept'),
  logger: {
    words: 'an object with the functions info and warn',
    isMet: value => isObject(value) && fn.isMet(value['info']) && fn.isMet(value['warn']),
  },
  telemetry: {
    words: 'what openTelemetry() of evert/opentelemetry returns',
    isMet: value => isObject(value) && typeof value['observe'] === 'function',
  },
  metricsRecordingLevel: oneOf('info', 'debug'),
  http,
  workers: objectOf<WorkersOptions>({
    count: {
      words: 'a whole number, 1 or more',
      isMet: value => Number.isSafeInteger(value) && Number(value) >= 1,
      isRequired: true,
    },
    module: {
      words: 'the URL of the module that declares the application, such as import.meta.url',
      isMet: value => value instanceof URL || (typeof value === 'string' && URL.canParse(value)),
      faultOf: missingFileOf,
      isRequired: true,
    },
  }),
  signal: abortSignal,
  signals: {
    words: 'true, false or { timeoutMs }',
    isMet: value => typeof value === 'boolean' || isObject(value),
    fields: closeRules,
  },
}

const appRules: RulesOf<TopologyOptions> = {
  explicitNames: trueOrFalse,
  optimize: {
    words:
      '"all" or a list of "merge.repartition.topics", "reuse.ktable.source.topics", "single.store.self.join"',
    isMet: value => value === 'all' || (Array.isArray(value) && value.every(isOptimization)),
  },
}

const OPTIMIZATIONS: readonly Optimization[] = [
  'merge.repartition.topics',
  'reuse.ktable.source.topics',
  'single.store.self.join',
]

const clusterRules: RulesOf<ClusterOptions> = {
  clientId: text,
  clock: unchecked,
  random: fn,
  connectTimeoutMs: milliseconds,
  requestTimeoutMs: milliseconds,
  retryBackoffMs: milliseconds,
  retryBackoffMaxMs: milliseconds,
  metadataMaxAgeMs: milliseconds,
  listener,
  warn: fn,
}

/** Throws INVALID_ARGUMENT for options of `start` that the compiler would have refused, or could not know of. */
export function requireStartOptions(options: unknown): asserts options is StartOptions {
  requireOptions('start', options, startRules)
}

/** The same of `app`. */
export function requireAppOptions(options: unknown): asserts options is TopologyOptions {
  requireOptions('app', options, appRules)
}

/** The same of `close`. */
export function requireCloseOptions(options: unknown): asserts options is CloseOptions {
  requireOptions('close', options, closeRules)
}

/** The same of what `append` is told of its wait. */
export function requireAppendWait(options: unknown): asserts options is AppendWait {
  requireOptions('append', options, appendWaitRules)
}

/** The same of `openCluster`. */
export function requireClusterOptions(options: unknown): asserts options is ClusterOptions {
  requireOptions('openCluster', options, clusterRules)
}

function isOptimization(value: unknown): boolean {
  return OPTIMIZATIONS.some(name => name === value)
}

function isDuration(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= MAX_DELAY_MS
}

/** The topics that functions decide on are not known before. */
function badLetterOf(policy: unknown): string | undefined {
  if (!isErrorPolicy(policy)) return undefined
  for (const name of deadLetterTopics([rulesOf(policy)])) {
    const fault = topicNameFault(name)
    if (fault !== undefined) return `names the dead letter topic ${JSON.stringify(name)}, whose name ${fault}`
  }
  return undefined
}

function missingFileOf(module: unknown): string | undefined {
  const url = new URL(String(module))
  if (url.protocol !== 'file:' || (url.host === '' && existsSync(fileURLToPath(url)))) return undefined
  return `names ${url.href}, and there is no such file`
}
