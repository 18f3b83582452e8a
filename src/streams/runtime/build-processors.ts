import type { SubTopology } from '../graph/topology.ts'
import type { RecordCollector } from '../state/record-collector.ts'
import { encodeChange } from '../processors/change-codec.ts'
import { fanOut } from '../processors/fan-out.ts'
import type { Processor, StoreAccess, TaskContext } from '../processors/processor.ts'
import type { RecordLimit } from '../../records/record-limit.ts'
import { encodeStreamValue, type PartitionCount, SinkProcessor } from '../processors/sink.ts'
import { type SourceProcessor, sourceProcessor } from '../processors/source.ts'

export interface Surroundings {
  readonly task: TaskContext
  readonly stores: StoreAccess
  readonly collector: RecordCollector
  readonly partitionsOf: PartitionCount
  readonly limitOf: (topic: string) => RecordLimit
  /** Stands before what writes outputs, where a task may go on without one that fails. */
  readonly guard: ((output: Processor) => Processor) | undefined
  /** Puts something around the processor of a node. Default: nothing. */
  readonly around?: (node: string, processor: Processor) => Processor
}

/** Builds one processor per node, children first, and returns the source of each topic in order of declaration. */
export function buildProcessors(
  subTopology: SubTopology,
  { task, stores, guard = unguarded, around = bare, ...outside }: Surroundings,
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
      const sink = new SinkProcessor({ ...node, encodeValue }, task, outside)
      // What goes to its own topics is not an output, but a part of processing.
      const output = subTopology.repartitionSinks.includes(node.topic) ? sink : guard(sink)
      built.set(node.name, around(node.name, output))
    } else {
      const context = { node: node.name, children: node.children, task, keyValue }
      const processor = node.create(context, next, children)
      built.set(node.name, around(node.name, node.isRouter === true ? guard(processor) : processor))
    }
  }
  return new Map([...sources].toReversed())
}

/** Nothing is put around it. */
const bare = (_: string, processor: Processor): Processor => processor
const unguarded = (output: Processor): Processor => output
