import type { SubTopology } from '../graph/topology.ts'
import type { RecordCollector } from '../runtime/record-collector.ts'
import type { TaskStores } from '../state/task-stores.ts'
import { encodeChange } from './change-codec.ts'
import { fanOut } from './fan-out.ts'
import type { Processor, TaskContext } from './processor.ts'
import { encodeStreamValue, SinkProcessor } from './sink.ts'
import { SourceProcessor } from './source.ts'

export interface Surroundings {
  readonly task: TaskContext
  readonly stores: TaskStores
  readonly collector: RecordCollector
}

/** Builds one processor per node, children first, and returns the source of each topic in order of declaration. */
export function buildProcessors(
  subTopology: SubTopology,
  { task, stores, collector }: Surroundings,
): Map<string, SourceProcessor> {
  const built = new Map<string, Processor>()
  const sources: [string, SourceProcessor][] = []
  const nextOf = (children: readonly string[]): Processor =>
    fanOut(children.map(child => built.get(child) as Processor))
  for (const node of subTopology.nodes.toReversed()) {
    const next = nextOf(node.children)
    if (node.kind === 'source') {
      const source = new SourceProcessor(node.name, node, next)
      for (const topic of node.topics.toReversed()) sources.unshift([topic, source])
    } else if (node.kind === 'sink') {
      const encodeValue = node.changes ? encodeChange : encodeStreamValue
      built.set(node.name, new SinkProcessor({ ...node, encodeValue }, task, collector))
    } else {
      const keyValue = <V>(store: string) => stores.keyValue<V>(store)
      built.set(node.name, node.create({ node: node.name, task, keyValue }, next))
    }
  }
  return new Map(sources)
}
