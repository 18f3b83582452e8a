import { EvertError } from '../../errors.ts'
import type { TopologyNode } from '../graph/topology.ts'
import {
  type ErrorDecision,
  type ErrorKind,
  type ErrorPolicy,
  type ErrorRule,
  type FailedRecord,
  isDecision,
} from '../processors/error-policy.ts'

export type ErrorRules = Readonly<Record<ErrorKind, ErrorRule>>

const STOPS: ErrorRules = { deserialization: 'fail', processing: 'fail', production: 'fail' }

/** The rule of each kind; what the policy leaves out is as in `base`. */
export function rulesOf(policy: ErrorPolicy | undefined, base: ErrorRules = STOPS): ErrorRules {
  if (policy === undefined) return base
  if (typeof policy !== 'object' || 'deadLetter' in policy) {
    return { deserialization: policy, processing: policy, production: policy }
  }
  return {
    deserialization: policy.deserialization ?? base.deserialization,
    processing: policy.processing ?? base.processing,
    production: policy.production ?? base.production,
  }
}

/** Topics that rules name; what functions decide is not known before. */
export function deadLetterTopics(rules: Iterable<ErrorRules>): string[] {
  const topics = Array.from(rules, each => Object.values(each))
    .flat()
    .flatMap(rule => (typeof rule === 'object' ? [rule.deadLetter] : []))
  return [...new Set(topics)]
}

/** The rules of one task: the application's, and those of the sources that have their own. */
export class TaskRules {
  readonly #general: ErrorRules
  readonly #ofTopic = new Map<string, ErrorRules>()

  constructor(nodes: readonly TopologyNode[], policy: ErrorPolicy | undefined) {
    this.#general = rulesOf(policy)
    for (const node of nodes) {
      if (node.kind !== 'source' || node.onError === undefined) continue
      const rules = rulesOf(node.onError, this.#general)
      for (const topic of node.topics) this.#ofTopic.set(topic, rules)
    }
  }

  /** Whether a record may fail and its task go on. */
  get mayDrop(): boolean {
    return this.#may('deserialization') || this.#may('processing')
  }

  /** The same, or that an output may be left out. */
  get mayGoOn(): boolean {
    return this.mayDrop || this.#may('production')
  }

  get deadLetterTopics(): string[] {
    return deadLetterTopics([this.#general, ...this.#ofTopic.values()])
  }

  /** Throws what a handler throws, and INVALID_ARGUMENT for an answer that is none. */
  decide(error: unknown, record: FailedRecord): ErrorDecision {
    const rules = record.topic === undefined ? undefined : this.#ofTopic.get(record.topic)
    return decisionOf((rules ?? this.#general)[record.kind], error, record)
  }

  #may(kind: ErrorKind): boolean {
    return [this.#general, ...this.#ofTopic.values()].some(rules => rules[kind] !== 'fail')
  }
}

export function decisionOf(rule: ErrorRule, error: unknown, record: FailedRecord): ErrorDecision {
  if (typeof rule !== 'function') return rule
  const decision: unknown = rule(error, record)
  if (isDecision(decision)) return decision
  throw new EvertError(
    'INVALID_ARGUMENT',
    'The function onError must return "fail", "skip" or { deadLetter: TOPIC }, at once.',
    { cause: error },
  )
}
