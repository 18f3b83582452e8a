import { EvertError } from '../../errors.ts'
import type { Topology, TopologyNode } from './topology.ts'

/**
 * Refuses a topology in which state lives under generated names (Kafka Streams:
 * ensure.explicit.internal.resource.naming, KIP-1111). Throws one INVALID_TOPOLOGY that lists all of them, who makes
 * each, and what to write.
 */
export function assertExplicitNames(topology: Topology): void {
  const unnamed = topology.subTopologies.flatMap(part => [
    ...part.stores
      .filter(store => topology.generatedNames.includes(store.name))
      .map(({ name, changelog }) => ({
        what:
          changelog === undefined || changelog.isSource
            ? `store ${name}`
            : `store ${name} and its changelog topic ${changelog.topic}`,
        by: part.nodes.find(node => node.kind === 'processor' && node.stores.includes(name)),
        name,
        isTopic: false,
      })),
    ...part.repartitionSources
      .filter(topic => topology.generatedNames.includes(topic.logicalName))
      .map(topic => ({
        what: `repartition topic ${topic.name}`,
        by: writerOf(topology, topic.name),
        name: topic.logicalName,
        isTopic: true,
      })),
  ])
  const global = topology.globalTables
    .filter(({ store }) => topology.generatedNames.includes(store.name))
    .map(({ store, topic }) => `store ${store.name}, of the global table of "${topic}": ${GLOBAL}`)
  const lines = [
    ...unnamed.map(
      ({ what, by, name, isTopic }) => `${what}, made by ${by?.name}: ${remedyOf(name, isTopic)}`,
    ),
    ...global,
  ]
  if (lines.length === 0) return
  throw new EvertError(
    'INVALID_TOPOLOGY',
    `The application "${topology.applicationId}" asks for explicit names, and ${lines.length} ` +
      `${lines.length === 1 ? 'place where state lives has' : 'places where state lives have'} only a generated one, ` +
      `which changes with the operators before it:\n${lines.map(line => `  - ${line}\n`).join('')}`.trimEnd(),
  )
}

const GLOBAL = "globalTable(topic, { store: 'NAME' })"

/** What gives a name to what has this generated one: the first that its beginning fits. */
const REMEDIES: readonly (readonly [beginning: RegExp, store: string, repartitionTopic?: string])[] = [
  [
    /^(KSTREAM|KTABLE|COGROUPKSTREAM)-(AGGREGATE|REDUCE)-/,
    "give the aggregate { store: 'NAME' }, or end in .view('NAME')",
    "name the grouping, groupBy(…, { name: 'NAME' }), or the aggregate's store, { store: 'NAME' }",
  ],
  [/^KSTREAM-TOTABLE-/, "toTable({ store: 'NAME' }), or end in .view('NAME')", "toTable({ name: 'NAME' })"],
  [/^KSTREAM-(JOINTHIS|JOINOTHER|OUTERTHIS|OUTEROTHER|OUTERSHARED)-/, "join(…, { name: 'NAME', within })"],
  [/^KSTREAM-(JOIN|LEFTJOIN)-/, "join(…, { name: 'NAME', graceMs })"],
  [/^KSTREAM-MAPASYNC-/, "mapAsync(…, { name: 'NAME' })"],
  [/^KTABLE-SUPPRESS-/, "give the suppress… call { name: 'NAME' }"],
  [/^KTABLE-FK-JOIN-OUTPUT-/, "joinByForeignKey(…, { store: 'NAME' })"],
  [/^KTABLE-FK-JOIN-/, "joinByForeignKey(…, { name: 'NAME' })", "joinByForeignKey(…, { name: 'NAME' })"],
  [/^KSTREAM-REPARTITION-/, '', "repartition({ name: 'NAME' })"],
  [/^(KSTREAM|KTABLE)-/, "give the operator { store: 'NAME' } if it takes one, or { name: 'NAME' }"],
]

function remedyOf(generated: string, isTopic: boolean): string {
  const [, store, repartitionTopic] = REMEDIES.find(([beginning]) => beginning.test(generated)) ?? []
  // A stream that a join repartitions lends its own name to the topic.
  if (isTopic) return repartitionTopic ?? "name the join behind it: join(…, { name: 'NAME' })"
  return store ?? "table(topic, { store: 'NAME' }), or end in .view('NAME')"
}

function writerOf({ subTopologies }: Topology, topic: string): TopologyNode | undefined {
  const nodes = subTopologies.flatMap(part => part.nodes)
  const sink = nodes.find(node => node.kind === 'sink' && node.topic === topic)
  // What sends records there is the operator before the sink, and before the filter that belongs to it.
  const parent = nodes.find(node => node.name === sink?.parents[0])
  const isFilter = parent !== undefined && /^KSTREAM-FILTER-|-repartition-filter$/.test(parent.name)
  return isFilter ? nodes.find(node => node.name === parent.parents[0]) : parent
}
