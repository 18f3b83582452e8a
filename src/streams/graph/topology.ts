import type { Codec } from '../../contracts/codec.ts'
import type { Topic } from '../../contracts/topic.ts'
import type { ErrorPolicy } from '../processors/error-policy.ts'
import type { ProcessorFactory } from '../processors/processor.ts'
import type { SinkPartitioner } from '../processors/sink.ts'
import type { TimestampExtractor } from '../processors/timestamp-extractor.ts'

/**
 * The physical plan as data: what a runtime needs to create topics, assign tasks and build processors. Nothing in it
 * runs. Topic names are physical (internal ones carry the application id).
 */
export interface Topology {
  readonly applicationId: string
  /** In order of id. Tasks are named `<sub-topology>_<partition>`. */
  readonly subTopologies: readonly SubTopology[]
  /** The external topics that it reads and writes, with what they are made with if they are missing. */
  readonly topics: readonly Topic<unknown, unknown>[]
  /** Tables that every instance holds completely, before its tasks run. */
  readonly globalTables: readonly GlobalTable[]
  /** Views in the order of their declaration, each over a store of its own. */
  readonly views: readonly ViewRegistration[]
  /** Names of stores and (without the application id) of repartition topics that nobody chose, see names.ts. */
  readonly generatedNames: readonly string[]
}

/**
 * A weakly connected part of the node graph: what one task runs for one partition. Reads `sourceTopics` and
 * `repartitionSources`; task `p` reads partition `p` of every one of them that has so many partitions.
 */
export interface SubTopology {
  readonly id: number
  /** Parents before children; names are unique in the topology. */
  readonly nodes: readonly TopologyNode[]
  /** External topics, in order of declaration. */
  readonly sourceTopics: readonly string[]
  /** Repartition topics that this sub-topology reads. */
  readonly repartitionSources: readonly InternalTopic[]
  /** Names of the repartition topics that it writes. */
  readonly repartitionSinks: readonly string[]
  readonly stores: readonly StoreDefinition[]
  /** Stores of global tables that its processors read. */
  readonly globalStores: readonly string[]
  /** Topics (external or repartition) that must have equal partition counts, since their records meet by key. */
  readonly coPartitionGroups: readonly (readonly string[])[]
}

export type TopologyNode = SourceNode | ProcessorNode | SinkNode

interface NodeBase {
  readonly name: string
  /** Names of the nodes that records come from, and go to in this order. */
  readonly parents: readonly string[]
  readonly children: readonly string[]
}

export interface SourceNode extends NodeBase {
  readonly kind: 'source'
  readonly topics: readonly string[]
  readonly key: Codec<unknown>
  readonly value: Codec<unknown>
  /** Values are changes of a table with new and old value, see processors/change-codec.ts. */
  readonly changes: boolean
  /** How records get their event time. Undefined: they have it; a negative one is a failure. */
  readonly timestamp: TimestampExtractor<unknown, unknown> | undefined
  /** What becomes of its records that fail. Undefined: what the application says. */
  readonly onError?: ErrorPolicy | undefined
}

export interface ProcessorNode extends NodeBase {
  readonly kind: 'processor'
  /** Stores that the processor opens, own and foreign. */
  readonly stores: readonly string[]
  /** Descriptions leave it out while it opens no store: Kafka Streams has it within the node before it. */
  readonly isHidden: boolean
  /** It only chooses among the sinks behind it: what fails in it is an output. */
  readonly isRouter?: boolean | undefined
  readonly create: ProcessorFactory
}

export interface SinkNode extends NodeBase {
  readonly kind: 'sink'
  readonly topic: string
  readonly key: Codec<unknown>
  readonly value: Codec<unknown>
  /** As in SourceNode. */
  readonly changes: boolean
  /** Undefined: the default partitioner, by key. */
  readonly partition: SinkPartitioner | undefined
}

/** A topic that the application owns: made before its tasks start, purged or compacted by it alone. */
export interface InternalTopic {
  readonly name: string
  /** The name without the application id. */
  readonly logicalName: string
  /**
   * Undefined: as many as the external topics of its co-partition group have; without such, as the most partitioned
   * topic upstream.
   */
  readonly partitions: number | undefined
  readonly configs: Readonly<Record<string, string>>
}

/** A store of each task of the sub-topology. */
export interface StoreDefinition {
  readonly name: string
  readonly kind: 'keyValue'
  readonly key: Codec<unknown>
  readonly value: Codec<unknown>
  /** Descriptions leave it out: Kafka Streams keeps what is in it within another store. */
  readonly isHidden?: boolean
  /** Where its changes are kept; undefined when logging is off (the state is lost with the machine). */
  readonly changelog: Changelog | undefined
}

/**
 * A copy of every partition of a topic on each instance (Kafka Streams: GlobalKTable). Its store is read by name like
 * a task's own; a record is (key bytes, value bytes, timestamp), a null value deletes, a null key is passed over.
 */
export interface GlobalTable {
  readonly topic: string
  readonly store: StoreDefinition
  /** How its rows follow from the records of the topic. Undefined: they are the records. */
  readonly derived: GlobalDerivation | undefined
}

export interface GlobalDerivation {
  /** Of the topic's values. */
  readonly value: Codec<unknown>
  /** The row; null or undefined: there is none. */
  readonly row: (value: unknown, key: unknown) => unknown
}

export interface Changelog {
  /** Physical name. */
  readonly topic: string
  /**
   * True when the topic is the table's own source topic: it is not created, nothing is written to it, and a restored
   * record is (key bytes, value bytes, record timestamp) just as the source processor would have stored it.
   */
  readonly isSource: boolean
  /** For creating the topic; empty when it is the source. */
  readonly configs: Readonly<Record<string, string>>
}

export interface ViewRegistration {
  readonly name: string
  readonly store: string
  /** The handle of the view (dsl/view.ts), bound by the runtime. */
  readonly view: unknown
}
