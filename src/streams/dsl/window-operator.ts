import type { Codec } from '../../contracts/codec.ts'
import type { Topic } from '../../contracts/topic.ts'
import { EvertError } from '../../errors.ts'
import type { TableState } from '../processors/materialised.ts'
import type { ProcessorFactory } from '../processors/processor.ts'
import { hoppingWindowAggregate } from '../processors/hopping-window-aggregate.ts'
import { type SessionFold, sessionWindowAggregate } from '../processors/session-aggregate.ts'
import { sessionStoreKey } from '../processors/session-key.ts'
import { slidingRetentionMs, slidingWindowAggregate } from '../processors/sliding-window-aggregate.ts'
import { tumblingWindowAggregate } from '../processors/tumbling-window-aggregate.ts'
import { unlimitedWindowAggregate } from '../processors/unlimited-window-aggregate.ts'
import { assertIdleTime } from '../processors/idle-closing.ts'
import { sendingLate } from '../processors/late-records.ts'
import type { WindowFold } from '../processors/window-fold.ts'
import { type Windowed, slidingStoreKey, windowStoreKey } from '../processors/windowed-key.ts'
import type { SessionWindows, SlidingWindows, TimeWindows, UnlimitedWindows } from '../processors/windows.ts'
import type { WindowIdling } from '../processors/windowed-rows.ts'
import { WindowBlockCodec } from '../state/window-blocks.ts'
import { describeValue } from '../../contracts/schema.ts'
import { assertOptions, assertTopic } from './operator-calls.ts'
import { optionNames } from './option-names.ts'
import type { TableWindow } from './context.ts'
import { countCodec } from './default-codecs.ts'

const MAX_COUNTS_PER_BLOCK = 64
const MAX_AGGREGATES_PER_BLOCK = 16

export interface WindowEmitOptions {
  /** `onUpdate` (default): every update of a window; `onWindowClose`: its final row, once (KIP-825). */
  readonly emit?: 'onUpdate' | 'onWindowClose'
  /**
   * With `onWindowClose`: windows also close when the operator has seen no record for so long by wall clock. Its stream
   * time then moves on with the wall clock, from where the last record left it, as far as that closes windows. Records
   * behind it are late. Default: only records move stream time.
   */
  readonly closeWhenIdleMs?: number
}

export interface WindowOptions<K, V> extends WindowEmitOptions {
  /**
   * Where records go that are too late for a window: as they came to the aggregate, with their own time and with headers
   * `__streams.late.` and `operator`, `window-start`, `window-end`, `stream-time`, `topic`, `partition`, `offset`. One
   * that is too late for several windows goes there once, with the first of them. Default: they are counted only.
   *
   * @example
   * clicks.groupByKey().windowedBy(tumbling({ sizeMs: 60_000, graceMs: 5_000 }), { lateTo: lateClicks }).count()
   */
  readonly lateTo?: Topic<K, V>
}

type AnyWindowOptions = WindowOptions<unknown, unknown>

/** What an aggregate must know of a kind of windows. `F` is how its rows follow their records. */
export interface WindowOperator<F> {
  /** Of the table that the aggregate makes. */
  readonly window: TableWindow
  /** The least that rows must be kept for behind stream time, and the default. */
  readonly minRetentionMs: number
  /** The operator looks up the windows of one key, in an index beside the rows. */
  readonly hasIndex: boolean
  /** Its windows close, so that it keeps its stream time. */
  readonly hasTimes: boolean
  /** Where its late records go. */
  readonly lateTo?: Topic<unknown, unknown> | undefined
  /** How the store keeps rows, if not each by itself. */
  stored(value: Codec<unknown>): WindowBlockCodec<unknown> | undefined
  /** How the store writes windowed keys. */
  storeKey<K>(key: Codec<K>): Codec<Windowed<K>>
  create(fold: F, parts: WindowOperatorParts): ProcessorFactory
}

export interface WindowOperatorParts {
  readonly state: TableState
  readonly windowKey: Codec<unknown>
  readonly indexStore: string
  readonly timeStore: string
  /** The operator's number among those that share the stores. */
  readonly operator: number
  readonly retentionMs: number
  readonly idle?: WindowIdling | undefined
}

export function windowOperator(
  windows: TimeWindows | SlidingWindows | UnlimitedWindows,
  options: AnyWindowOptions = {},
): WindowOperator<WindowFold> {
  assertWindowed('windowedBy', windows, options)
  const onClose = options.emit === 'onWindowClose'
  if ('timeDifferenceMs' in windows) {
    const closesAfterMs = windows.timeDifferenceMs + windows.graceMs + 1
    return closingWhenIdle(slidingOperator(windows, onClose), closesAfterMs, options)
  }
  if ('sizeMs' in windows) {
    return closingWhenIdle(timeOperator(windows, onClose), windows.sizeMs + windows.graceMs, options)
  }
  if (!onClose) return closingWhenIdle(unlimitedOperator(windows), Infinity, options)
  throw new EvertError(
    'INVALID_TOPOLOGY',
    'An unlimited window never closes, so that emit: onWindowClose would never emit. Leave it out, or use windows ' +
      'that end: tumbling, hopping, sliding, sessions.',
  )
}

function assertWindowed(operator: 'windowedBy' | 'sessions', windows: unknown, options: AnyWindowOptions) {
  const kinds: readonly string[] =
    operator === 'sessions' ? ['gapMs'] : ['sizeMs', 'timeDifferenceMs', 'startMs']
  const isMade = typeof windows === 'object' && windows !== null && kinds.some(kind => kind in windows)
  if (!isMade) {
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `${operator} needs windows, as ${operator === 'sessions' ? 'sessions' : 'tumbling, hopping, sliding or unlimited'} ` +
        `makes them; got ${describeValue(windows)}.`,
    )
  }
  assertOptions(operator, options, optionNames.windows)
  const { emit, lateTo }: { readonly emit?: unknown; readonly lateTo?: unknown } = options
  if (emit !== undefined && emit !== 'onUpdate' && emit !== 'onWindowClose') {
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `${operator} needs an emit of "onUpdate" or "onWindowClose"; got ${describeValue(emit)}.`,
    )
  }
  if (lateTo !== undefined) assertTopic(`${operator} with lateTo`, lateTo)
}

function sendingLateTo<F>(lateTo: Topic<unknown, unknown>, operator: WindowOperator<F>): WindowOperator<F> {
  if (!operator.hasTimes) {
    throw new EvertError(
      'INVALID_TOPOLOGY',
      'No record is too late for an unlimited window: leave lateTo out.',
    )
  }
  return { ...operator, lateTo, create: (fold, parts) => sendingLate(operator.create(fold, parts)) }
}

/** `closesAfterMs`: see WindowIdling. */
function closingWhenIdle<F>(
  made: WindowOperator<F>,
  closesAfterMs: number,
  { emit, closeWhenIdleMs, lateTo }: AnyWindowOptions,
): WindowOperator<F> {
  const operator = lateTo === undefined ? made : sendingLateTo(lateTo, made)
  if (closeWhenIdleMs === undefined) return operator
  if (emit !== 'onWindowClose') {
    throw new EvertError(
      'INVALID_TOPOLOGY',
      'Windows that emit every update have nothing to send when they close: leave closeWhenIdleMs out, or ask for ' +
        'emit: onWindowClose.',
    )
  }
  assertIdleTime(closeWhenIdleMs, 'A windowed aggregate')
  const idle = { closeWhenIdleMs, closesAfterMs }
  return { ...operator, create: (fold, parts) => operator.create(fold, { ...parts, idle }) }
}

function timeOperator(windows: TimeWindows, onClose: boolean): WindowOperator<WindowFold> {
  const minRetentionMs = windows.sizeMs + windows.graceMs
  return {
    window: { isSession: false, closesAfterMs: minRetentionMs },
    minRetentionMs,
    hasIndex: false,
    hasTimes: true,
    stored: value => hoppingBlocks(windows, value),
    storeKey: key => windowStoreKey(key, windows.sizeMs),
    create(fold, parts) {
      const plan = { ...parts, windows, fold, onClose }
      const blocks = hoppingBlocks(windows, parts.state.value)
      return blocks === undefined
        ? tumblingWindowAggregate(plan)
        : hoppingWindowAggregate({ ...plan, layout: blocks.layout })
    },
  }
}

/** Of windows that overlap. What a block holds must fit into one record of the changelog, whatever an aggregate holds. */
function hoppingBlocks(
  { sizeMs, advanceMs }: TimeWindows,
  value: Codec<unknown>,
): WindowBlockCodec<unknown> | undefined {
  const overlapping = Math.ceil(sizeMs / advanceMs)
  if (overlapping === 1) return undefined
  const atMost = value === countCodec ? MAX_COUNTS_PER_BLOCK : MAX_AGGREGATES_PER_BLOCK
  return new WindowBlockCodec({ advanceMs, perBlock: Math.min(overlapping, atMost) }, value)
}

function slidingOperator(windows: SlidingWindows, onClose: boolean): WindowOperator<WindowFold> {
  return {
    window: { isSession: false, closesAfterMs: windows.timeDifferenceMs + windows.graceMs },
    minRetentionMs: slidingRetentionMs(windows),
    hasIndex: true,
    hasTimes: true,
    stored: () => undefined,
    storeKey: key => slidingStoreKey(key, windows.timeDifferenceMs),
    create: (fold, parts) => slidingWindowAggregate({ ...parts, windows, fold, onClose }),
  }
}

function unlimitedOperator(windows: UnlimitedWindows): WindowOperator<WindowFold> {
  return {
    window: { isSession: false, closesAfterMs: Infinity },
    minRetentionMs: Infinity,
    hasIndex: false,
    hasTimes: false,
    stored: () => undefined,
    storeKey: key => windowStoreKey(key, Infinity),
    create: (fold, parts) => unlimitedWindowAggregate({ ...parts, windows, fold }),
  }
}

export function sessionOperator(
  windows: SessionWindows,
  options: AnyWindowOptions = {},
): WindowOperator<SessionFold> {
  assertWindowed('sessions', windows, options)
  const closesAfterMs = windows.gapMs + windows.graceMs + 1
  return closingWhenIdle(closingSessions(windows, options), closesAfterMs, options)
}

function closingSessions(
  windows: SessionWindows,
  { emit = 'onUpdate' }: WindowEmitOptions,
): WindowOperator<SessionFold> {
  const minRetentionMs = windows.gapMs + windows.graceMs
  return {
    window: { isSession: true, closesAfterMs: minRetentionMs },
    minRetentionMs,
    hasIndex: true,
    hasTimes: true,
    stored: () => undefined,
    storeKey: sessionStoreKey,
    create: (fold, parts) =>
      sessionWindowAggregate({
        ...parts,
        windows,
        fold,
        onClose: emit === 'onWindowClose',
        // A session that ends gap and grace ago is still open.
        retentionMs: parts.retentionMs + 1,
      }),
  }
}
