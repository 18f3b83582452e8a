import type { Codec } from '../../contracts/codec.ts'
import { EvertError } from '../../errors.ts'
import type { Plan } from '../graph/plan.ts'
import { type LookupFactory, storeLookup } from '../processors/lookup.ts'
import type { TableState } from '../processors/materialised.ts'
import { type VersionedStores, versionedLookup } from '../processors/versioned-table-source.ts'

/**
 * What operators downstream may ask of a table while the topology is written (Kafka Streams: KTableImpl with
 * `enableSendingOldValues` and `valueGetterSupplier`).
 */
export interface TableParts {
  readonly state: TableState
  /**
   * Asks that changes carry old values and returns whether they will. Without `force` a table that keeps no rows may
   * refuse; with it, whatever must keep rows for it starts to.
   */
  requestOldValues(force: boolean): boolean
  /** How to read rows; a table that can neither keep nor compute them starts to keep them. */
  lookup(): LookupFactory
  /** Keeps the rows, in a store of this name if they are not kept yet. */
  keepRows(store: string): void
  /** The same; a store that has only a generated name gets this one. */
  nameRows(store: string): void
  /** How far back rows can be looked up as they were; undefined when only the latest ones are known. */
  historyRetentionMs(): number | undefined
}

export interface StorePlan {
  readonly plan: Plan
  readonly key: Codec<unknown>
  /** How the store keeps rows. Default: as values of the table. */
  readonly stored?: Codec<unknown> | undefined
  /** The topic that can serve as changelog. */
  readonly sourceTopic?: string
  /** The generated name of the table's repartition topic, where that is not named after its store. */
  readonly repartition?: string | undefined
}

export function newTableState(
  value: Codec<unknown>,
  {
    emitOnChange = false,
    ttlMs,
    logged = true,
  }: {
    readonly emitOnChange?: boolean
    readonly ttlMs?: number
    readonly logged?: boolean | undefined
  } = {},
): TableState {
  const expires = ttlMs !== undefined
  return { store: undefined, sendOldValues: false, value, emitOnChange, expires, logged }
}

/** For an operator that compares each row with the one before it. Throws INVALID_TOPOLOGY. */
export function requestOldRows(table: TableParts, name = 'map'): void {
  if (table.historyRetentionMs() !== undefined) {
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `The operator "${name}" is to emit on change only, but behind a versioned table a row that is no change now may ` +
        'be one of its own time. Leave out emitOnChange, or read the topic as a plain table.',
    )
  }
  table.requestOldValues(true)
}

/** A table that needs a store to read its rows; `generatedName` names the store if no one else does. */
export function sourceParts(state: TableState, generatedName: string, storePlan: StorePlan): TableParts {
  const keepRows = (name: string) => keepRowsIn(state, name, storePlan)
  return {
    state,
    keepRows,
    nameRows: name => nameRowsIn(state, name, storePlan),
    historyRetentionMs: () => undefined,
    requestOldValues(force) {
      if (state.store === undefined && !force) return false
      keepRows(generatedName)
      state.sendOldValues = true
      return true
    },
    lookup() {
      keepRows(generatedName)
      return storeLookup(state.store as string)
    },
  }
}

/** A table whose rows can be computed from other tables' rows as long as it has no store of its own. */
export function derivedParts(
  state: TableState,
  {
    requestOldValues,
    lookup,
    historyRetentionMs = () => undefined,
  }: Pick<TableParts, 'requestOldValues' | 'lookup'> & Partial<TableParts>,
  storePlan: StorePlan,
): TableParts {
  return {
    state,
    keepRows: name => keepRowsIn(state, name, storePlan),
    nameRows: name => nameRowsIn(state, name, storePlan),
    requestOldValues(force) {
      if (state.store !== undefined || requestOldValues(force)) state.sendOldValues = true
      return state.sendOldValues
    },
    lookup: () => (state.store === undefined ? lookup() : storeLookup(state.store)),
    historyRetentionMs: () => (state.store === undefined ? historyRetentionMs() : undefined),
  }
}

/** A table that keeps the earlier versions of its rows too. `state` has the store of the latest ones. */
export function versionedParts(state: TableState, stores: VersionedStores, plan: Plan): TableParts {
  return {
    state,
    keepRows() {},
    nameRows: name => plan.nameStore(stores.latest, name),
    requestOldValues() {
      state.sendOldValues = true
      return true
    },
    lookup: () => versionedLookup(stores),
    historyRetentionMs: () => stores.historyRetentionMs,
  }
}

function keepRowsIn(state: TableState, store: string, storePlan: StorePlan): void {
  if (state.store !== undefined) return
  const { plan, key, stored = state.value, sourceTopic } = storePlan
  plan.addStore({ name: store, key, value: stored, sourceTopic, logged: state.logged })
  state.store = store
}

function nameRowsIn(state: TableState, name: string, storePlan: StorePlan): void {
  const { plan, repartition } = storePlan
  if (state.store === undefined) keepRowsIn(state, name, storePlan)
  else plan.nameStore(state.store, name)
  if (repartition !== undefined) plan.nameGenerated(repartition, name)
}

/** The stores that a table's own operator opens. */
export function storesOf(state: TableState): string[] {
  return state.store === undefined ? [] : [state.store]
}
