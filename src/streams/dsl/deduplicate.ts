import type { Codec } from '../../contracts/codec.ts'
import { bytes, int64, string } from '../../contracts/codecs.ts'
import { EvertError } from '../../errors.ts'
import { partitionFor } from '../../records/partitioner.ts'
import type { Plan, PlanNode } from '../graph/plan.ts'
import { cellOf } from '../processors/cell.ts'
import { deduplicate, passedTimes } from '../processors/deduplicate.ts'
import type { Mapper } from '../processors/functions.ts'
import type { SinkPartitioner } from '../processors/sink.ts'
import type { DslContext, StreamParts } from './context.ts'
import { textKeyCodec } from './default-codecs.ts'
import type { KStream } from './kstream.ts'
import type { NamedOptions } from './options.ts'

export interface DeduplicateOptions extends NamedOptions {
  /** A record is a repeat when its time lies at most so far from that of one that passed, before it or after it. */
  readonly withinMs: number
  /**
   * How far behind stream time a record may be: later ones are dropped, and counted as expired, since what they may repeat
   * is forgotten. State is kept for `withinMs + graceMs`. Default: `withinMs`.
   */
  readonly graceMs?: number
  /**
   * An id counts once whatever the record's key: the stream goes through a topic that is partitioned by id, and what
   * depends on the key later through another. Default false: an id counts once under each key.
   */
  readonly acrossKeys?: boolean
}

/** `keyed` gives the stream in partitions that follow its key. */
export function deduplicateStream<K, V>(
  context: DslContext,
  parts: StreamParts<K, V>,
  {
    idOf,
    keyed,
    ...options
  }: DeduplicateOptions & {
    readonly id?: Codec<unknown>
    readonly idOf: Mapper
    readonly keyed: (name: string) => { node: PlanNode; sources: readonly PlanNode[] }
  },
): KStream<K, V> {
  const { plan } = context
  const { key, value } = parts
  const { withinMs, graceMs = withinMs, acrossKeys = false, id = textKeyCodec } = options
  const name = plan.names.operator('KSTREAM-DEDUPLICATE-', options.name)
  for (const [field, ms] of Object.entries({ withinMs, graceMs })) {
    if (Number.isSafeInteger(ms) && ms >= 0) continue
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `The operator "${name}" needs a ${field} of whole milliseconds, 0 or more; got ${String(ms)}.`,
    )
  }
  const passed =
    options.name === undefined ? plan.names.store('KSTREAM-DEDUPLICATE-') : `${options.name}-store`
  const stores = { passed, byTime: `${passed}-by-time`, times: `${passed}-times` }
  const place = { ...bytes, name: acrossKeys ? `id-${id.name}` : `id-${id.name}-of-${key.name}` }
  plan.addStore({ name: stores.passed, key: place, value: passedTimes, sourceTopic: undefined })
  plan.addStore({ name: stores.byTime, key: bytes, value: int64, sourceTopic: undefined })
  plan.addStore({ name: stores.times, key: string, value: int64, sourceTopic: undefined })
  const { node: parent, sources } = acrossKeys
    ? repartitionById(plan, parts, { name: options.name ?? passed, partition: byId(idOf, id) })
    : keyed(options.name ?? passed)
  const node = plan.addProcessor(name, [parent], {
    create: deduplicate({ idOf, id, withinMs, graceMs, acrossKeys, ...stores }),
    stores: () => Object.values(stores),
  })
  return context.stream({ node, key, value, sources, keyChanged: acrossKeys })
}

/** Records keep their keys; those without an id go where their key would send them. */
function byId(idOf: Mapper, codec: Codec<unknown>): SinkPartitioner {
  return ({ key, value }, numPartitions) => {
    const id = cellOf(idOf(value === null ? null : value.value, key === null ? null : key.value), codec)
    return id === null ? undefined : partitionFor(id.bytes, numPartitions())
  }
}

function repartitionById(
  plan: Plan,
  { node, key, value }: StreamParts<unknown, unknown>,
  { name, partition }: { readonly name: string; readonly partition: SinkPartitioner },
): { node: PlanNode; sources: readonly PlanNode[] } {
  const topicName = `${name}-repartition`
  const topic = plan.addRepartition({ name: topicName, partitions: undefined })
  plan.addSink({ name: `${topicName}-sink`, topic, key, value, changes: false, partition }, node)
  const source = plan.addSource({
    name: `${topicName}-source`,
    topics: [topic],
    key,
    value,
    changes: false,
  })
  return { node: source, sources: [source] }
}
