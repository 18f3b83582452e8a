import type { Codec } from '../../contracts/codec.ts'
import { isGeneratedName } from '../graph/names.ts'
import type { Plan, PlanNode } from '../graph/plan.ts'
import { nullKeyFilter } from '../processors/null-key-filter.ts'

export interface RepartitionPlan {
  readonly parent: PlanNode
  readonly key: Codec<unknown>
  readonly value: Codec<unknown>
  /** The topic becomes `<application>-<name>-repartition`. */
  readonly name: string
  readonly partitions?: number | undefined
  /** See Repartition. */
  readonly isMergeable?: boolean
}

/** Sends a stream through a topic that is partitioned by its key, and returns the node that reads it again. */
export function repartitionStream(
  plan: Plan,
  { parent, key, value, name, partitions, isMergeable = false }: RepartitionPlan,
): PlanNode {
  const topicName = `${name}-repartition`
  const generated = repartitionNames(plan)
  const names = isGeneratedName(name)
    ? generated
    : { sink: `${topicName}-sink`, filter: `${topicName}-filter`, source: `${topicName}-source` }
  const topic = plan.addRepartition({ name: topicName, partitions, isMergeable })
  const filter = plan.addProcessor(names.filter, [parent], { create: nullKeyFilter })
  plan.addSink({ name: names.sink, topic, key, value, changes: false }, filter)
  return plan.addSource({ name: names.source, topics: [topic], key, value, changes: false })
}

/** Numbers are also spent where a repartition topic is used again or has a name of its own. */
export function repartitionNames({ names }: Plan): { sink: string; filter: string; source: string } {
  return {
    sink: names.operator('KSTREAM-SINK-'),
    filter: names.operator('KSTREAM-FILTER-'),
    source: names.operator('KSTREAM-SOURCE-'),
  }
}

/** As `repartitionStream`, for the changes of a table, which carry old and new values. */
export function repartitionTable(plan: Plan, { parent, key, value, name }: RepartitionPlan): PlanNode {
  const sink = plan.names.operator('KSTREAM-SINK-')
  const source = plan.names.operator('KSTREAM-SOURCE-')
  const topic = plan.addRepartition({ name: `${name}-repartition`, partitions: undefined })
  plan.addSink({ name: sink, topic, key, value, changes: true }, parent)
  return plan.addSource({ name: source, topics: [topic], key, value, changes: true })
}
