import { Cluster, type ClusterOptions } from '../client/cluster.ts'
import { describeValue } from '../contracts/schema.ts'
import { EvertError } from '../errors.ts'
import type { Optimization, TopologyOptions } from '../streams/graph/to-topology.ts'
import { ERROR_POLICY, isErrorPolicy } from '../streams/processors/error-policy.ts'
import type { StartOptions } from './app.ts'
import type { CloseOptions } from './running.ts'

/** What an option's value is, in words, and whether a value is that. */
interface Rule {
  readonly words: string
  isMet(value: unknown): boolean
}

/** One rule for each option, so that an option without one does not compile. */
type RulesOf<Options> = Readonly<Record<keyof Options, Rule>>

/** Left to the compiler, and to whoever reads the option. */
const unchecked: Rule = { words: 'anything', isMet: () => true }
const fn: Rule = { words: 'a function', isMet: value => typeof value === 'function' }
const object: Rule = { words: 'an object', isMet: isObject }
const text: Rule = { words: 'a string', isMet: value => typeof value === 'string' }
const milliseconds: Rule = { words: 'a number of milliseconds, 0 or more', isMet: isDuration }

const wholeMilliseconds: Rule = {
  words: 'a whole number of milliseconds, 1 or more',
  isMet: value => Number.isSafeInteger(value) && Number(value) > 0,
}

function oneOf(...values: readonly string[]): Rule {
  return {
    words: values.map(value => JSON.stringify(value)).join(' or '),
    isMet: value => typeof value === 'string' && values.includes(value),
  }
}

const startRules: RulesOf<StartOptions> = {
  cluster: {
    words: 'a cluster URL (file:DIRECTORY, memory:, kafka://host:port) or what openCluster returns',
    isMet: value => typeof value === 'string' || value instanceof Cluster,
  },
  listener: object,
  stateDir: text,
  store: oneOf('lmdb', 'memory'),
  commitIntervalMs: milliseconds,
  stateCleanupDelayMs: milliseconds,
  maxTaskIdleMs: {
    words: 'a number of milliseconds, 0 or more, or -1',
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
  },
  onStateChange: fn,
  onFailure: fn,
  onRestore: fn,
  onTopologyChange: oneOf('refuse', 'accept'),
  logger: object,
  telemetry: {
    words: 'what openTelemetry() of evert/opentelemetry returns',
    isMet: value => isObject(value) && typeof value['observe'] === 'function',
  },
  metricsRecordingLevel: oneOf('info', 'debug'),
  http: object,
  workers: {
    words:
      '{ count, module }: a whole number, 1 or more, and the URL of the module that declares the application',
    isMet: isWorkers,
  },
  signal: unchecked,
  signals: {
    words: 'true, false or { timeoutMs }',
    isMet: value =>
      typeof value === 'boolean' || (isObject(value) && milliseconds.isMet(value['timeoutMs'] ?? 0)),
  },
}

const appRules: RulesOf<TopologyOptions> = {
  explicitNames: { words: 'true or false', isMet: value => typeof value === 'boolean' },
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
  listener: object,
  warn: fn,
}

const closeRules: RulesOf<CloseOptions> = { timeoutMs: milliseconds }

/** Throws INVALID_ARGUMENT for options of `start` that the compiler would have refused, or could not know of. */
export function requireStartOptions(options: unknown): asserts options is StartOptions {
  requireOptions('start', options, startRules)
  const isGiven = options.cluster !== undefined
  if (!isGiven) throw refused(`start needs the option "cluster": ${startRules.cluster.words}`)
}

/** The same of `app`. */
export function requireAppOptions(options: unknown): asserts options is TopologyOptions {
  requireOptions('app', options, appRules)
}

/** The same of `close`. */
export function requireCloseOptions(options: unknown): asserts options is CloseOptions {
  requireOptions('close', options, closeRules)
}

/** The same of `openCluster`. */
export function requireClusterOptions(options: unknown): asserts options is ClusterOptions {
  requireOptions('openCluster', options, clusterRules)
}

/** An option that is undefined counts as left out. */
function requireOptions<Options>(
  call: string,
  options: unknown,
  rules: RulesOf<Options>,
): asserts options is Record<keyof Options, unknown> {
  const names = Object.keys(rules).join(', ')
  if (!isObject(options)) {
    throw refused(`${call} needs an object of options, not ${describeValue(options)}. Options: ${names}`)
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(rules, name)) {
      throw refused(`${call} has no option ${JSON.stringify(name)}. Options: ${names}`)
    }
    const rule = rules[name as keyof Options]
    if (value !== undefined && !rule.isMet(value)) {
      throw refused(`The option "${name}" of ${call} is ${rule.words}, not ${describeValue(value)}`)
    }
  }
}

function refused(message: string): EvertError {
  return new EvertError('INVALID_ARGUMENT', `${message}.`)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isOptimization(value: unknown): boolean {
  return OPTIMIZATIONS.some(name => name === value)
}

function isDuration(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

function isWorkers(value: unknown): boolean {
  if (!isObject(value)) return false
  const { count, module } = value
  const isUrl = module instanceof URL || (typeof module === 'string' && URL.canParse(module))
  return isUrl && Number.isSafeInteger(count) && Number(count) >= 1
}
