import { bytes, int64, string } from '../../contracts/codecs.ts'
import { EvertError } from '../../errors.ts'
import type { PlanProcessor } from '../graph/plan.ts'
import { bufferedRow } from '../processors/buffered-row.ts'
import { assertIdleTime, type CloseWhenIdle } from '../processors/idle-closing.ts'
import type { BufferLimits } from '../processors/row-buffer.ts'
import { suppressUntilClose } from '../processors/suppress-until-close.ts'
import { suppressUntilTimeLimit as timeLimitSuppressor } from '../processors/suppress-until-time-limit.ts'
import { tableSource } from '../processors/table-source.ts'
import {
  keyOrder,
  sessionCloseOrder,
  sessionKeyOrder,
  windowCloseOrder,
  windowKeyOrder,
} from '../processors/waiting-order.ts'
import type { DslContext, KTableParts } from './context.ts'
import type { KTable } from './ktable.ts'
import type { NamedOptions } from './options.ts'
import { newTableState, sourceParts, storesOf } from './table-parts.ts'

export interface SuppressOptions extends NamedOptions, CloseWhenIdle {
  /** How many rows may wait. Default: any number. */
  readonly maxRecords?: number
  /** How many bytes of keys and values may wait. Default: any number. */
  readonly maxBytes?: number
}

export interface TimeLimitOptions extends SuppressOptions {
  /**
   * What happens when more would wait: `emitEarly` (default) lets those go that have waited longest; `stop` stops the
   * task with BUFFER_FULL.
   */
  readonly whenFull?: 'emitEarly' | 'stop'
}

export function suppressUntilWindowCloses<K, V>(
  context: DslContext,
  parts: KTableParts<K, V>,
  options: SuppressOptions,
): KTable<K, V> {
  const { window, key, value } = parts
  const name = nameOf(context, options)
  if (window === undefined) {
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `The operator "${name}" waits for windows to close, but the keys of its table are no windows. ` +
        'Use it on an aggregate of windowedBy(…) or sessions(…), or use suppressUntilTimeLimit.',
    )
  }
  const { closesAfterMs } = window
  if (closesAfterMs === Infinity) {
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `The operator "${name}" waits for windows to close, but unlimited windows never do. ` +
        'Use windows that end, or suppressUntilTimeLimit.',
    )
  }
  const limits = limitsOf(name, { ...options, whenFull: 'stop' })
  const order = window.isSession ? sessionCloseOrder : windowCloseOrder
  return addSuppress(context, parts, {
    name,
    options,
    processor: ({ buffer, timeStore }) => ({
      create: suppressUntilClose({
        closesAfterMs,
        order,
        limits,
        key,
        value,
        buffer,
        timeStore,
        closeWhenIdleMs: options.closeWhenIdleMs,
      }),
      stores: () => [buffer, timeStore],
    }),
  })
}

export function suppressUntilTimeLimit<K, V>(
  context: DslContext,
  parts: KTableParts<K, V>,
  timeLimitMs: number,
  options: TimeLimitOptions,
): KTable<K, V> {
  const { window, key, value } = parts
  const name = nameOf(context, options)
  if (!Number.isSafeInteger(timeLimitMs) || timeLimitMs < 0) {
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `The operator "${name}" needs a time limit in whole milliseconds of 0 or more; got ${timeLimitMs}.`,
    )
  }
  const limits = limitsOf(name, options)
  const windowOrder = window?.isSession === true ? sessionKeyOrder : windowKeyOrder
  const order = window === undefined ? keyOrder : windowOrder
  return addSuppress(context, parts, {
    name,
    options,
    processor: ({ buffer, timeStore }) => {
      const indexStore = `${buffer}-by-key`
      context.plan.addStore({ name: indexStore, key, value: int64, sourceTopic: undefined, isHidden: true })
      return {
        create: timeLimitSuppressor({
          timeLimitMs,
          order,
          limits,
          key,
          value,
          buffer,
          indexStore,
          timeStore,
          closeWhenIdleMs: options.closeWhenIdleMs,
        }),
        stores: () => [buffer, indexStore, timeStore],
      }
    },
  })
}

function nameOf({ plan }: DslContext, { name }: NamedOptions): string {
  return name ?? plan.names.operator('KTABLE-SUPPRESS-')
}

function limitsOf(name: string, options: TimeLimitOptions): BufferLimits {
  const { maxRecords = Infinity, maxBytes = Infinity, whenFull = 'emitEarly', closeWhenIdleMs } = options
  assertIdleTime(closeWhenIdleMs, `The operator "${name}"`)
  for (const [field, value] of Object.entries({ maxRecords, maxBytes })) {
    if (value === Infinity || (Number.isSafeInteger(value) && value >= 0)) continue
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `The operator "${name}" needs a ${field} that is a whole number of 0 or more; got ${value}.`,
    )
  }
  return { maxRecords, maxBytes, whenFull }
}

/** The operator with its buffer, and behind it the table of what it let go. */
function addSuppress<K, V>(
  context: DslContext,
  parts: KTableParts<K, V>,
  {
    name,
    options,
    processor,
  }: {
    name: string
    options: NamedOptions
    processor: (stores: { buffer: string; timeStore: string }) => PlanProcessor
  },
): KTable<K, V> {
  const { plan } = context
  const { key, value } = parts
  if (parts.table.historyRetentionMs() !== undefined) {
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `The operator "${name}" holds changes back, which a versioned table does not allow: its rows must keep the order ` +
        'of their times. Read the topic as a plain table instead.',
    )
  }
  const buffer = options.name === undefined ? plan.names.store('KTABLE-SUPPRESS-') : `${name}-store`
  const timeStore = `${buffer}-times`
  plan.addStore({ name: buffer, key: bytes, value: bufferedRow(value), sourceTopic: undefined })
  plan.addStore({ name: timeStore, key: string, value: int64, sourceTopic: undefined, isHidden: true })
  const node = plan.addProcessor(name, [parts.node], processor({ buffer, timeStore }))
  const state = newTableState(value)
  const table = sourceParts(state, `${buffer}-rows`, { plan, key })
  const rows = plan.addProcessor(`${name}-rows`, [node], {
    create: tableSource(state),
    stores: () => storesOf(state),
    isHidden: true,
  })
  return context.table({ ...parts, node: rows, table })
}
