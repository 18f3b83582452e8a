import type { Codec } from '../../contracts/codec.ts'
import { bytes, int64, string } from '../../contracts/codecs.ts'
import { EvertError } from '../../errors.ts'
import type { Plan, PlanStore } from '../graph/plan.ts'
import { byteStringCodec, LruRows } from '../processors/lru-rows.ts'
import { type SessionStore, TypedSessionStore } from '../processors/processor-session-store.ts'
import { type ProcessorStore, TypedStore } from '../processors/processor-store.ts'
import { TypedVersionedStore, type VersionedStore } from '../processors/processor-versioned-store.ts'
import {
  indexStoreOf,
  timeStoreOf,
  TypedWindowStore,
  type WindowStore,
} from '../processors/processor-window-store.ts'
import type { ProcessorContext } from '../processors/processor.ts'
import { sessionStoreKey } from '../processors/session-key.ts'
import { CONNECTION, type ProcessorTime, type StoreDeclaration } from '../processors/store-declaration.ts'
import { versionCodec, VersionedRows } from '../processors/versioned-rows.ts'
import { windowStoreKey } from '../processors/windowed-key.ts'

export interface DeclaredStoreOptions<K, V> {
  readonly key: Codec<K>
  readonly value: Codec<V>
  /**
   * Whether changes go to a changelog topic. Default true. Without one the rows are on this machine only: they
   * survive a restart here, and begin empty wherever else the task runs next, or when the disk or the power is lost.
   */
  readonly logged?: boolean
}

/**
 * Declares a key-value store for processors. Those that name the same declaration share the store, and so become one
 * sub-topology; their keys meet there only if their streams are partitioned alike. Changes are logged like a table's.
 *
 * @example
 * const seen = keyValueStore('seen', { key: string, value: int64 })
 */
export function keyValueStore<K, V>(
  name: string,
  { key, value, logged = true }: DeclaredStoreOptions<K, V>,
): StoreDeclaration<ProcessorStore<K, V>> {
  return declared([{ name, key, value, logged }], (context, time) => {
    return new TypedStore<K, V>(context.keyValue(name), key, time)
  })
}

export interface LruMapOptions<K, V> extends DeclaredStoreOptions<K, V> {
  /** How many rows each task keeps. */
  readonly maxEntries: number
}

/**
 * Declares a key-value store that keeps only the rows that were used last: when there are more than `maxEntries`, the
 * one that was not read or written for the longest time is deleted, and its changelog gets a tombstone (Kafka
 * Streams: Stores.lruMap). Scans are no use. Throws INVALID_TOPOLOGY for a bound that is none.
 *
 * @example
 * const recent = lruMap('recent', { key: string, value: int64, maxEntries: 1_000 })
 */
export function lruMap<K, V>(
  name: string,
  { key, value, maxEntries, logged = true }: LruMapOptions<K, V>,
): StoreDeclaration<ProcessorStore<K, V>> {
  assertWhole(name, { maxEntries }, 1)
  const uses = `${name}-uses`
  return declared(
    [
      { name, key, value, logged },
      // Which row was used when is known here alone, as Kafka Streams knows it in memory alone.
      { name: uses, key: bytes, value: byteStringCodec, logged: false },
    ],
    (context, time) => {
      const rows = new LruRows<V>(context.keyValue(name), context.keyValue(uses), maxEntries)
      return new TypedStore<K, V>(rows, key, time)
    },
  )
}

export interface DeclaredWindowStoreOptions<K, V> extends DeclaredStoreOptions<K, V> {
  /** From the start of a window to its end, which the windows that are found have. */
  readonly sizeMs: number
  /** How far behind the greatest start windows are kept; the size or more. */
  readonly retentionMs: number
  /** Keeps every value that is put for a key and a start, in order; null is then no deletion. Default false. */
  readonly retainDuplicates?: boolean
}

/**
 * Declares a store of values by key and time (Kafka Streams: Stores.windowStoreBuilder). Throws INVALID_TOPOLOGY for
 * a size or a retention that is none.
 *
 * @example
 * const readings = windowStore('readings', { key: string, value: double, sizeMs: 60_000, retentionMs: 3_600_000 })
 */
export function windowStore<K, V>(
  name: string,
  options: DeclaredWindowStoreOptions<K, V>,
): StoreDeclaration<WindowStore<K, V>> {
  const { key, value, sizeMs, retentionMs, retainDuplicates = false, logged = true } = options
  assertWhole(name, { sizeMs }, 1)
  assertWhole(name, { retentionMs }, sizeMs)
  const rowKey = windowStoreKey(key, sizeMs)
  // With duplicates a number follows the key, in the rows and in the index.
  const stored = retainDuplicates ? { ...rowKey, name: `numbered-${rowKey.name}` } : rowKey
  return declared(
    [{ name, key: stored, value, logged }, ...timedParts(name, logged)],
    (context, time) =>
      new TypedWindowStore<K, V>({ name, key, sizeMs, retentionMs, retainDuplicates }, context, time),
  )
}

export interface DeclaredSessionStoreOptions<K, V> extends DeclaredStoreOptions<K, V> {
  /** How far behind the greatest end sessions are kept. */
  readonly retentionMs: number
}

/**
 * Declares a store of values by key, start and end (Kafka Streams: Stores.sessionStoreBuilder). Throws
 * INVALID_TOPOLOGY for a retention that is none.
 *
 * @example
 * const visits = sessionStore('visits', { key: string, value: int64, retentionMs: 86_400_000 })
 */
export function sessionStore<K, V>(
  name: string,
  { key, value, retentionMs, logged = true }: DeclaredSessionStoreOptions<K, V>,
): StoreDeclaration<SessionStore<K, V>> {
  assertWhole(name, { retentionMs }, 1)
  return declared(
    [{ name, key: sessionStoreKey(key), value, logged }, ...timedParts(name, logged)],
    (context, time) => new TypedSessionStore<K, V>({ name, key, retentionMs }, context, time),
  )
}

export interface DeclaredVersionedStoreOptions<K, V> extends DeclaredStoreOptions<K, V> {
  /** How far behind the greatest timestamp values can be read as they were, and late ones are taken. */
  readonly historyRetentionMs: number
}

/**
 * Declares a store of the values of each key over time (Kafka Streams: Stores.versionedKeyValueStoreBuilder). Throws
 * INVALID_TOPOLOGY for a retention that is none.
 *
 * @example
 * const prices = versionedStore('prices', { key: string, value: double, historyRetentionMs: 86_400_000 })
 */
export function versionedStore<K, V>(
  name: string,
  { key, value, historyRetentionMs, logged = true }: DeclaredVersionedStoreOptions<K, V>,
): StoreDeclaration<VersionedStore<K, V>> {
  assertWhole(name, { historyRetentionMs }, 0)
  const history = `${name}-history`
  return declared(
    [
      { name, key, value, logged },
      { name: history, key: bytes, value: versionCodec(value), logged },
    ],
    (context, time) => {
      const stores = [context.keyValue<unknown>(name), context.keyValue<never>(history)] as const
      const rows = new VersionedRows(...stores, historyRetentionMs)
      return new TypedVersionedStore<K, V>({ name, key, rows }, context, time)
    },
  )
}

/** What lies beside rows that are looked up by key and by time. */
function timedParts(name: string, logged: boolean): StorePart[] {
  return [
    { name: indexStoreOf(name), key: bytes, value: int64, logged },
    { name: timeStoreOf(name), key: string, value: int64, logged },
  ]
}

function assertWhole(store: string, option: Readonly<Record<string, number>>, least: number): void {
  for (const [name, value] of Object.entries(option)) {
    if (Number.isSafeInteger(value) && value >= least) continue
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `The store "${store}" needs { ${name} } as a whole number, ${least} or more; got ${value}.`,
    )
  }
}

export type StorePart = Pick<PlanStore, 'name' | 'key' | 'value'> & { readonly logged: boolean }

/** A declaration of the key-value stores that one store consists of; the first has its name. */
export function declared<S>(
  parts: readonly [StorePart, ...StorePart[]],
  open: (context: ProcessorContext, time: ProcessorTime) => S,
): StoreDeclaration<S> {
  const names = parts.map(({ name }) => name)
  const declaration: StoreDeclaration<S> = {
    [CONNECTION]: {
      connect: plan => {
        if (!isPresent(plan, parts[0].name, declaration)) {
          for (const part of parts) plan.addStore({ ...part, sourceTopic: undefined, declaration })
        }
      },
      names: () => names,
      open,
    },
  }
  return declaration
}

function isPresent(plan: Plan, name: string, declaration: object): boolean {
  const present = plan.stores.find(store => store.name === name)
  if (present?.declaration === declaration) return true
  if (present?.declaration === undefined) return false
  throw new EvertError(
    'INVALID_TOPOLOGY',
    `Two stores are declared with the name "${name}". To share a store, give both processors the same declaration; ` +
      'otherwise rename one.',
  )
}
