import type { Codec } from '../../contracts/codec.ts'
import { bytes, int64, string } from '../../contracts/codecs.ts'
import { EvertError } from '../../errors.ts'
import type { PlanNode } from '../graph/plan.ts'
import { bufferedRow } from '../processors/buffered-row.ts'
import { assertIdleTime } from '../processors/idle-closing.ts'
import type { Joiner } from '../processors/functions.ts'
import { delayJoin } from '../processors/delay-join.ts'
import { streamTableJoin } from '../processors/stream-table-join.ts'
import { coPartition, type DslContext, type KTableParts } from './context.ts'
import { defaultValueCodec } from './default-codecs.ts'
import type { KStream } from './kstream.ts'
import type { ValueOptions } from './options.ts'
import type { KeyedStream } from './stream-join.ts'

export interface StreamTableJoinOptions<V2> extends ValueOptions<V2> {
  /**
   * How long, in stream time, a record waits before it is joined with the row as of its own time, so that late rows
   * still count (KIP-923). Needs a versioned table with a history at least as long. Default: it is joined at once.
   */
  readonly graceMs?: number
  /**
   * With a grace: records that wait are also joined when none has come for so long by wall clock. Stream time of the join
   * then moves on with the wall clock, from where the last record left it, as far as records wait for that.
   */
  readonly closeWhenIdleMs?: number
}

export function joinStreamWithTable<K, VT, V2>(
  context: DslContext,
  [stream, table]: readonly [KeyedStream<K>, KTableParts<K, VT>],
  {
    left,
    joiner,
    ...options
  }: StreamTableJoinOptions<V2> & { readonly left: boolean; readonly joiner: Joiner },
): KStream<K, V2> {
  const { plan } = context
  const name = plan.names.operator(left ? 'KSTREAM-LEFTJOIN-' : 'KSTREAM-JOIN-', options.name)
  const value = options.value ?? (defaultValueCodec as Codec<V2>)
  const historyRetentionMs = table.table.historyRetentionMs()
  const lookup = table.table.lookup()
  const join = streamTableJoin({ table: lookup, joiner, left, value })
  const node = ((): PlanNode => {
    const { graceMs, closeWhenIdleMs } = options
    assertIdleTime(closeWhenIdleMs, `The join "${name}"`)
    if (graceMs === undefined) {
      if (closeWhenIdleMs !== undefined) throw neverWaits(name)
      return plan.addProcessor(name, [stream.node], {
        create: join,
        stores: () => lookup.stores(),
        relaxesNullKeys: left,
      })
    }
    assertGrace(graceMs, historyRetentionMs, name)
    const buffer = `${name}-Buffer`
    const times = `${buffer}-times`
    plan.addStore({
      name: buffer,
      key: bytes,
      value: bufferedRow(stream.value),
      sourceTopic: undefined,
    })
    plan.addStore({ name: times, key: string, value: int64, sourceTopic: undefined, isHidden: true })
    return plan.addProcessor(name, [stream.node], {
      create: delayJoin({
        graceMs,
        buffer,
        times,
        key: stream.key,
        value: stream.value,
        join,
        closeWhenIdleMs,
      }),
      stores: () => [...lookup.stores(), buffer, times],
      relaxesNullKeys: left,
    })
  })()
  const sources = coPartition(plan, name, stream.sources, table.sources)
  return context.stream({ node, key: stream.key, value, sources, keyChanged: false })
}

function neverWaits(name: string): EvertError {
  return new EvertError(
    'INVALID_TOPOLOGY',
    `The join "${name}" holds nothing back: leave closeWhenIdleMs out, or give it a graceMs.`,
  )
}

function assertGrace(graceMs: number, historyRetentionMs: number | undefined, name: string): void {
  if (!Number.isSafeInteger(graceMs) || graceMs < 0) {
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `The join "${name}" needs a graceMs of whole milliseconds, 0 or more; got ${graceMs}.`,
    )
  }
  if (historyRetentionMs === undefined) {
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `The join "${name}" has a grace, but its table keeps no earlier rows to join with. Declare the table with ` +
        'versionedTable(topic, { historyRetentionMs }), join it before rows are kept in another store, or leave out graceMs.',
    )
  }
  if (graceMs > historyRetentionMs) {
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `The join "${name}" has a graceMs of ${graceMs}, but its table keeps only ${historyRetentionMs} ms of history. ` +
        'Give the table a historyRetentionMs of at least the grace.',
    )
  }
}
