import type { Codec } from '../../contracts/codec.ts'
import { bytes, int64, string } from '../../contracts/codecs.ts'
import type { Topic } from '../../contracts/topic.ts'
import { EvertError } from '../../errors.ts'
import type { Plan, PlanNode, PlanProcessor } from '../graph/plan.ts'
import type { Joiner } from '../processors/functions.ts'
import { assertIdleTime, type IdleWatch } from '../processors/idle-closing.ts'
import type { JoinRowsPlan } from '../processors/join-rows.ts'
import { joinWindow } from '../processors/join-window.ts'
import { assertJoinWindows, type JoinWindows } from '../processors/join-windows.ts'
import { sendingLate } from '../processors/late-records.ts'
import { perTask } from '../processors/per-task.ts'
import { passThrough } from '../processors/pass-through.ts'
import { streamSelfJoin } from '../processors/stream-self-join.ts'
import { streamStreamJoin } from '../processors/stream-stream-join.ts'
import { unmatchedCodec } from '../processors/unmatched-rows.ts'
import { coPartition, type DslContext } from './context.ts'
import { defaultValueCodec } from './default-codecs.ts'
import type { KStream } from './kstream.ts'
import { planSink } from './sinks.ts'
import type { ValueOptions } from './options.ts'

export interface StreamJoinOptions<V2> extends ValueOptions<V2> {
  /** How far apart in time two records of a pair may be, and how long late ones are waited for. */
  readonly within: JoinWindows
  /**
   * Of a left or outer join: results without a partner also go out when neither side has had a record for so long by
   * wall clock. Stream time of the join then moves on with the wall clock, from where the last record left it, as far
   * as that closes windows. A partner that comes behind that is joined as any late one is, besides. Default: only
   * records move stream time.
   */
  readonly closeWhenIdleMs?: number
}

/** Of a join of streams with values of `V` and `V2`. */
export interface LateJoinOptions<K, V, V2> {
  /**
   * Where records of each side go that are too old to be kept for partners; they have met those that were there. With the
   * headers of `lateTo` in `windowedBy`. Default: they are counted only.
   */
  readonly lateTo?: { readonly left?: Topic<K, V>; readonly right?: Topic<K, V2> }
}

export type JoinKind = 'inner' | 'left' | 'outer'

/** A stream in partitions that follow its key. */
export interface KeyedStream<K> {
  readonly node: PlanNode
  readonly sources: readonly PlanNode[]
  readonly key: Codec<K>
  readonly value: Codec<unknown>
}

/** Per side a node that keeps records and one that joins, and the node where results meet. */
export function joinStreams<K, V2>(
  context: DslContext,
  [left, right]: readonly [KeyedStream<K>, KeyedStream<K>],
  {
    kind,
    joiner,
    lateTo = {},
    ...options
  }: StreamJoinOptions<V2> &
    LateJoinOptions<unknown, unknown, unknown> & { readonly kind: JoinKind; readonly joiner: Joiner },
): KStream<K, V2> {
  const { plan } = context
  const { within: windows, name, closeWhenIdleMs } = options
  const value = options.value ?? (defaultValueCodec as Codec<V2>)
  const named = (suffix: string, prefix: string) => plan.names.operator(prefix, name && `${name}-${suffix}`)
  const thisWindowed = named('this-windowed', 'KSTREAM-WINDOWED-')
  const otherWindowed = named('other-windowed', 'KSTREAM-WINDOWED-')
  const thisJoin =
    kind === 'outer'
      ? named('outer-this-join', 'KSTREAM-OUTERTHIS-')
      : named('this-join', 'KSTREAM-JOINTHIS-')
  const otherJoin =
    kind === 'inner'
      ? named('other-join', 'KSTREAM-JOINOTHER-')
      : named('outer-other-join', 'KSTREAM-OUTEROTHER-')
  const merge = named('merge', 'KSTREAM-MERGE-')
  assertJoinWindows(windows, name ?? thisJoin)
  assertIdleTime(closeWhenIdleMs, `The join "${name ?? thisJoin}"`)
  if (closeWhenIdleMs !== undefined && kind === 'inner') throw neverWaits(name ?? thisJoin)

  const times = `${thisJoin}-times`
  plan.addStore({ name: times, key: string, value: int64, sourceTopic: undefined, isHidden: true })
  const addRows = (side: 'left' | 'right', store: string, rows: Codec<unknown>): JoinRowsPlan => {
    plan.addStore({ name: store, key: bytes, value: rows, sourceTopic: undefined })
    return { store, times, side, windows }
  }
  const leftRows = addRows('left', `${thisJoin}-store`, left.value)
  if (kind === 'inner' && left.node === right.node) {
    const node = addKeeping(plan, merge, [
      left.node,
      {
        create: streamSelfJoin({ rows: leftRows, joiner, value }),
        stores: () => [leftRows.store, times],
        lateTo: lateTo.left ?? lateTo.right,
      },
    ])
    return context.stream({ node, key: left.key, value, sources: left.sources, keyChanged: false })
  }
  const rightRows = addRows('right', `${otherJoin}-store`, right.value)
  const unmatched =
    kind === 'inner'
      ? undefined
      : { store: unmatchedStore(plan, { name, thisJoin, kind }), bothSides: kind === 'outer' }
  if (unmatched !== undefined) {
    const codec = unmatchedCodec(left.value, right.value)
    plan.addStore({ name: unmatched.store, key: bytes, value: codec, sourceTopic: undefined })
  }

  const idle =
    closeWhenIdleMs === undefined
      ? undefined
      : { closeWhenIdleMs, watchOf: perTask<{ watch?: IdleWatch }>(() => ({})) }

  const windowed = (
    parent: PlanNode,
    windowedName: string,
    { rows, late }: { rows: JoinRowsPlan; late: LateTopic },
  ) =>
    addKeeping(plan, windowedName, [
      parent,
      {
        create: joinWindow(rows),
        stores: () => [rows.store, times],
        lateTo: late,
      },
    ])
  const leftNode = windowed(left.node, thisWindowed, { rows: leftRows, late: lateTo.left })
  const rightNode = windowed(right.node, otherWindowed, { rows: rightRows, late: lateTo.right })
  const join = (joinName: string, parent: PlanNode, side: 'left' | 'right') => {
    const others = side === 'left' ? rightRows : leftRows
    return plan.addProcessor(joinName, [parent], {
      create: streamStreamJoin({
        side,
        windows,
        left: leftRows,
        right: rightRows,
        joiner,
        key: left.key,
        value,
        times,
        unmatched,
        idle,
      }),
      stores: () => [others.store, times, ...(unmatched === undefined ? [] : [unmatched.store])],
      relaxesNullKeys: kind === 'outer' || (kind === 'left' && side === 'left'),
    })
  }
  const joins = [join(thisJoin, leftNode, 'left'), join(otherJoin, rightNode, 'right')]
  const node = plan.addProcessor(merge, joins, { create: passThrough })
  const sources = coPartition(plan, merge, left.sources, right.sources)
  return context.stream({ node, key: left.key, value, sources, keyChanged: false })
}

type LateTopic = Topic<unknown, unknown> | undefined

/** A node that keeps records, and before whatever follows it the sink of those that it cannot keep. */
function addKeeping(
  plan: Plan,
  name: string,
  [parent, { lateTo, create, stores }]: readonly [
    PlanNode,
    Required<Pick<PlanProcessor, 'create' | 'stores'>> & { readonly lateTo: LateTopic },
  ],
): PlanNode {
  if (lateTo === undefined) return plan.addProcessor(name, [parent], { create, stores })
  const node = plan.addProcessor(name, [parent], { create: sendingLate(create), stores })
  planSink(plan, node, { target: lateTo, name: `${name}-late` })
  return node
}

function neverWaits(name: string): EvertError {
  return new EvertError(
    'INVALID_TOPOLOGY',
    `The inner join "${name}" holds nothing back: leave closeWhenIdleMs out, or make it a left or an outer join.`,
  )
}

/** Kafka Streams' name: of the generated one only the number is taken over. */
function unmatchedStore(
  plan: Plan,
  { name, thisJoin, kind }: { name: string | undefined; thisJoin: string; kind: 'left' | 'outer' },
): string {
  if (name !== undefined) return `${name}-${kind}-shared-join-store`
  const [number] = /[0-9]{10}$/.exec(thisJoin) as RegExpExecArray
  return plan.names.note(`KSTREAM-OUTERSHARED-${number}-store`)
}
