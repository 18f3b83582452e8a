import type { Codec } from '../../contracts/codec.ts'
import type { Topic } from '../../contracts/topic.ts'
import { EvertError } from '../../errors.ts'
import type { ErrorPolicy } from '../processors/error-policy.ts'
import type { TableState } from '../processors/materialised.ts'
import type { ProcessorFactory } from '../processors/processor.ts'
import type { GlobalDerivation } from './topology.ts'
import type { SinkPartitioner } from '../processors/sink.ts'
import type { TimestampExtractor } from '../processors/timestamp-extractor.ts'
import { GivenNames, isNamedAfter } from './given-names.ts'
import { assertOperatorName, NameCounter } from './names.ts'

/**
 * The logical plan: what the DSL writes down, call by call. Nothing in it is decided for good until `toTopology`
 * reads it: a later operator may still make an earlier table keep its rows or send old values.
 */
export class Plan {
  readonly names = new NameCounter()
  /** Of stores and repartition topics; the plan's own lists have the names that operators know. */
  readonly given = new GivenNames()
  readonly nodes: PlanNode[] = []
  readonly stores: PlanStore[] = []
  readonly repartitions: Repartition[] = []
  readonly coPartitioned: CoPartitioning[] = []
  readonly views: PlanView[] = []
  readonly globalTables: PlanGlobalTable[] = []
  /** External topics by name, as they were declared. */
  readonly topics = new Map<string, Topic<unknown, unknown>>()

  addSource(source: PlanSource): PlanNode {
    for (const topic of source.topics) this.#assertReadOnce(topic)
    return this.#add({ ...source, kind: 'source', parents: [], relaxesNullKeys: false })
  }

  addProcessor(name: string, parents: readonly PlanNode[], processor: PlanProcessor): PlanNode {
    const { create, stores = () => [], relaxesNullKeys = false, isHidden = false } = processor
    const { isRouter, changes } = processor
    return this.#add({
      kind: 'processor',
      name,
      parents,
      create,
      stores,
      relaxesNullKeys,
      isHidden,
      isRouter,
      changes,
    })
  }

  addSink(sink: PlanSink, ...parents: readonly PlanNode[]): PlanNode {
    return this.#add({ ...sink, kind: 'sink', parents, relaxesNullKeys: false })
  }

  addRepartition(repartition: Repartition): Repartition {
    this.#assertNewRepartition(repartition.name)
    this.repartitions.push(repartition)
    return repartition
  }

  addStore(store: PlanStore): void {
    this.#assertNewStore(store.name)
    this.stores.push(store)
  }

  /** Names a store, and what is named after it, if it has only a generated name. The first name stays. */
  nameStore(store: string, name: string): void {
    if (this.names.madeStore(store)) this.nameGenerated(store, name)
  }

  /** The same for whatever carries this generated name. */
  nameGenerated(generated: string, name: string): void {
    if (this.given.has(generated)) return
    const renamed = (other: string) => name + other.slice(generated.length)
    for (const store of this.stores) {
      if (isNamedAfter(store.name, generated)) this.#assertNewStore(renamed(store.name))
    }
    for (const topic of this.repartitions) {
      if (isNamedAfter(topic.name, generated)) this.#assertNewRepartition(renamed(topic.name))
    }
    this.given.give(generated, name)
  }

  addGlobalTable(table: PlanGlobalTable): PlanGlobalTable {
    if (table.derived === undefined) this.#assertReadOnce(table.topic)
    this.#assertNewStore(table.store)
    this.globalTables.push(table)
    return table
  }

  /** Those whose rows somebody reads; of a topic that nobody reads, the table of the topic itself. */
  keptGlobalTables(): PlanGlobalTable[] {
    const used = new Set<string | undefined>([
      ...this.nodes.flatMap(node => (node.kind === 'processor' ? node.stores() : [])),
      ...this.views.map(view => view.table.store),
    ])
    const isUsed = ({ store, isNamed }: PlanGlobalTable) => isNamed || used.has(store)
    return this.globalTables.filter(
      table =>
        isUsed(table) ||
        (table.derived === undefined &&
          !this.globalTables.some(other => other.topic === table.topic && isUsed(other))),
    )
  }

  addView(view: PlanView): void {
    if (this.views.some(other => other.name === view.name)) {
      throw new EvertError('INVALID_TOPOLOGY', `Two views are named "${view.name}". Rename one of them.`)
    }
    this.views.push(view)
  }

  #add(node: PlanNode): PlanNode {
    assertOperatorName(node.name, 'operator')
    if (this.nodes.some(other => other.name === node.name)) {
      throw new EvertError(
        'INVALID_TOPOLOGY',
        `Two operators are named "${node.name}". Give each its own name with { name: … }.`,
      )
    }
    this.nodes.push(node)
    return node
  }

  #assertNewStore(name: string): void {
    assertOperatorName(name, 'store')
    const present = [...this.stores.map(store => store.name), ...this.globalTables.map(table => table.store)]
    if (present.some(store => this.given.of(store) === name)) {
      throw new EvertError(
        'INVALID_TOPOLOGY',
        `Two stores are named "${name}". Give each its own name with { store: … }.`,
      )
    }
  }

  #assertNewRepartition(name: string): void {
    if (this.repartitions.some(other => this.given.of(other.name) === name)) {
      throw new EvertError(
        'INVALID_TOPOLOGY',
        `Two repartition topics are named "${name}". Give one of the groupings another name.`,
      )
    }
  }

  #assertReadOnce(topic: string | Repartition): void {
    const read = this.nodes.flatMap(node => (node.kind === 'source' ? node.topics : []))
    for (const other of [...read, ...this.globalTables.map(table => table.topic)]) {
      if (other === topic) {
        throw new EvertError(
          'INVALID_TOPOLOGY',
          `The topic "${typeof topic === 'string' ? topic : topic.name}" is read twice, as a table and as a stream ` +
            'or in two different sets of topics. Read it once and derive both from the result.',
        )
      }
    }
  }
}

export type PlanNode = { readonly parents: readonly PlanNode[]; readonly relaxesNullKeys: boolean } & (
  | ({ readonly kind: 'source' } & PlanSource)
  | ({ readonly kind: 'sink' } & PlanSink)
  | {
      readonly kind: 'processor'
      readonly name: string
      readonly create: ProcessorFactory
      readonly stores: () => readonly string[]
      readonly isHidden: boolean
      readonly isRouter: boolean | undefined
      readonly changes: PlanProcessor['changes'] | undefined
    }
)

export interface PlanSource {
  readonly name: string
  readonly topics: readonly (string | Repartition)[]
  readonly key: Codec<unknown>
  readonly value: Codec<unknown>
  readonly changes: boolean
  readonly timestamp?: TimestampExtractor<unknown, unknown> | undefined
  readonly onError?: ErrorPolicy | undefined
}

export interface PlanSink {
  readonly name: string
  readonly topic: string | Repartition
  readonly key: Codec<unknown>
  readonly value: Codec<unknown>
  readonly changes: boolean
  readonly partition?: SinkPartitioner | undefined
}

export interface PlanProcessor {
  readonly create: ProcessorFactory
  /** Stores it opens; asked when the topology is built. */
  readonly stores?: () => readonly string[]
  /** A left join that takes records without a key: repartition topics before it keep them (KIP-962). */
  readonly relaxesNullKeys?: boolean
  /** See ProcessorNode. */
  readonly isHidden?: boolean
  readonly isRouter?: boolean
  /** What it does to records that it passes on, as far as that is known: see merge-repartitions.ts. */
  readonly changes?: 'nothing' | 'value' | 'key' | 'merge'
}

export interface PlanStore {
  readonly name: string
  readonly key: Codec<unknown>
  readonly value: Codec<unknown>
  /** The source topic that is the changelog at the same time. */
  readonly sourceTopic: string | undefined
  /** Changes go to a changelog. Default true. */
  readonly logged?: boolean
  /** Descriptions leave it out: Kafka Streams keeps what is in it within another store. */
  readonly isHidden?: boolean
  /** Of a store that processors may share: whose it is. */
  readonly declaration?: object
}

export interface Repartition {
  /** Without the application id: `<name>-repartition`. */
  readonly name: string
  readonly partitions: number | undefined
  /** It serves an operator alone: any topic that is partitioned by the same key would do. */
  readonly isMergeable?: boolean
}

/** Source nodes whose topics must have equal partition counts, and the operator that needs it. */
export interface CoPartitioning {
  readonly operator: string
  readonly sources: readonly PlanNode[]
}

export interface PlanGlobalTable {
  readonly topic: string
  readonly store: string
  readonly key: Codec<unknown>
  readonly value: Codec<unknown>
  /** The user named the store. */
  readonly isNamed: boolean
  /** Of a table that follows from the topic's: how. */
  readonly derived: GlobalDerivation | undefined
}

export interface PlanView {
  readonly name: string
  readonly table: TableState
  readonly view: unknown
}
