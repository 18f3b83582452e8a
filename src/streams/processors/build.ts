import type { SubTopology } from '../graph/topology.ts'
import type { RecordCollector } from '../runtime/record-collector.ts'
import { encodeChange } from './change-codec.ts'
import { fanOut } from './fan-out.ts'
import type { Processor, StoreAccess, TaskContext } from './processor.ts'
import { encodeStreamValue, type PartitionCount, SinkProcessor } from './sink.ts'
import { type SourceProcessor, sourceProcessor } from './source.ts'

export interface Surroundings {
  readonly task: TaskContext
  readonly stores: StoreAccess
  readonly collector: RecordCollector
  readonly partitionsOf: PartitionCount
}

/** Builds one processor per node, children first, and returns the source of each topic in order of declaration. */
export function buildProcessors(
  subTopology: SubTopology,
  { task, stores, ...outside }: Surroundings,
): Map<string, SourceProcessor> {
  const built = new Map<string, Processor>()
  const sources = new Map<string, SourceProcessor>()
  const keyValue = <V>(store: string) => stores.keyValue<V>(store)
  for (const node of subTopology.nodes.toReversed()) {
    const children = node.children.map(child => built.get(child) as Processor)
    const next = fanOut(children)
    if (node.kind === 'source') {
      const source = sourceProcessor(node, next, () => task.nowMs())
      for (const topic of node.topics) sources.set(topic, source)
    } else if (node.kind === 'sink') {
      const encodeValue = node.changes ? encodeChange : encodeStreamValue
      built.set(node.name, new SinkProcessor({ ...node, encodeValue }, task, outside))
    } else {
      const context = { node: node.name, children: node.children, task, keyValue }
      built.set(node.name, node.create(context, next, children))
    }
  }
  return new Map([...sources].toReversed())
}
