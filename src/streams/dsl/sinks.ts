import type { Topic } from '../../contracts/topic.ts'
import { EvertError } from '../../errors.ts'
import type { Plan, PlanNode } from '../graph/plan.ts'
import type { SinkPartitioner } from '../processors/sink.ts'
import { type TopicChooser, topicRouter } from '../processors/topic-router.ts'
import { type Partitioner, partitionsFor } from '../processors/user-partitioner.ts'
import { assertFunctions, assertTopic } from './operator-calls.ts'

/** Options of `to`, without their types. */
export interface SinkTargets {
  readonly target: Topic<unknown, unknown> | TopicChooser
  readonly topics?: readonly Topic<unknown, unknown>[]
  readonly name?: string
  readonly partition?: Partitioner<unknown, unknown>
}

/** One sink; or, for topics that a function chooses among, a router with a sink for each of them. */
export function planSink(plan: Plan, parent: PlanNode, targets: SinkTargets): void {
  const { target, topics = [] } = targets
  assertTargets(target, topics)
  if (targets.partition !== undefined) assertFunctions('to', { partition: targets.partition })
  const name = plan.names.operator('KSTREAM-SINK-', targets.name)
  const partition = targets.partition === undefined ? undefined : sinkPartitioner(targets.partition)
  const add = (topic: Topic<unknown, unknown>, node: { readonly name: string; readonly from: PlanNode }) => {
    const { key, value } = topic
    plan.topics.set(topic.name, topic)
    plan.addSink({ name: node.name, topic: topic.name, key, value, changes: false, partition }, node.from)
  }
  if (typeof target === 'object') return add(target, { name, from: parent })
  const create = topicRouter(
    target,
    topics.map(topic => topic.name),
  )
  const router = plan.addProcessor(name, [parent], { create, isRouter: true })
  for (const topic of topics) add(topic, { name: `${name}-${topic.name}`, from: router })
}

function assertTargets(target: unknown, topics: readonly unknown[]): void {
  if (typeof target !== 'function') return assertTopic('to', target)
  if (topics.length === 0) {
    throw new EvertError(
      'INVALID_TOPOLOGY',
      'to needs the topics that its function may name: to(choose, { topics: [fast, slow] }).',
    )
  }
  for (const topic of topics) assertTopic('to', topic)
}

function sinkPartitioner(partition: Partitioner<unknown, unknown>): SinkPartitioner {
  return (record, numPartitions) => partitionsFor(partition, record, numPartitions())
}
