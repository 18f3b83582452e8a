import type { StoreDeclarations } from '../processors/store-declaration.ts'
import type { DeduplicateOptions } from './deduplicate.ts'
import type { TopOptions } from './group-top.ts'
import type { JoinTablesOptions } from './join-tables.ts'
import type { MapAsyncOptions } from './map-async.ts'
import type {
  ChangeOptions,
  DynamicSinkOptions,
  KeyOptions,
  NamedOptions,
  RepartitionOptions,
  RowOptions,
  RowValueOptions,
  SinkOptions,
  SourceOptions,
  StoreOptions,
  StoreValueOptions,
  TableOptions,
  ValueOptions,
  VersionedTableOptions,
} from './options.ts'
import type { ProcessDefinition, ProcessValuesDefinition } from './process.ts'
import type { LateJoinOptions, StreamJoinOptions } from './stream-join.ts'
import type { StreamTableJoinOptions } from './stream-table-join.ts'
import type { SuppressOptions, TimeLimitOptions } from './suppress.ts'
import type { ViewOptions } from './view.ts'
import type { WindowStoreOptions } from './window-aggregation.ts'
import type { WindowOptions } from './window-operator.ts'

/** The names of all options of a type: one that is missing here does not compile. */
function namesOf<Options>(names: Readonly<Record<keyof Options & string, true>>): ReadonlySet<string> {
  return new Set(Object.keys(names))
}

type Any = unknown

const named = { name: true } as const
const value = { ...named, value: true } as const
const store = { ...named, store: true, logged: true } as const
const row = { ...store, emitOnChange: true, ttlMs: true, ttlTime: true } as const
const source = { ...named, timestamp: true, onError: true } as const
const suppress = { ...named, closeWhenIdleMs: true, maxRecords: true, maxBytes: true } as const

/** The options of each kind of operators, for assertOptions. */
export const optionNames = {
  named: namesOf<NamedOptions>(named),
  value: namesOf<ValueOptions<Any>>(value),
  key: namesOf<KeyOptions<Any>>({ ...named, key: true }),
  keyAndValue: namesOf<KeyOptions<Any> & ValueOptions<Any>>({ ...value, key: true }),
  store: namesOf<StoreOptions>(store),
  storeValue: namesOf<StoreValueOptions<Any>>({ ...store, value: true }),
  storeChange: namesOf<StoreOptions & ChangeOptions>({ ...store, emitOnChange: true }),
  storeValueChange: namesOf<StoreValueOptions<Any> & ChangeOptions>({
    ...store,
    value: true,
    emitOnChange: true,
  }),
  row: namesOf<RowOptions>(row),
  rowValue: namesOf<RowValueOptions<Any>>({ ...row, value: true }),
  source: namesOf<SourceOptions<Any, Any>>(source),
  table: namesOf<TableOptions<Any, Any>>({ ...row, ...source }),
  versionedTable: namesOf<VersionedTableOptions<Any, Any>>({
    ...store,
    ...source,
    historyRetentionMs: true,
  }),
  sink: namesOf<SinkOptions<Any, Any>>({ ...named, partition: true }),
  dynamicSink: namesOf<DynamicSinkOptions<Any, Any>>({ ...named, partition: true, topics: true }),
  repartition: namesOf<RepartitionOptions>({ ...named, partitions: true }),
  mapAsync: namesOf<MapAsyncOptions<Any>>({
    ...value,
    concurrency: true,
    maxPending: true,
    timeoutMs: true,
    retries: true,
    retryBackoffMs: true,
  }),
  deduplicate: namesOf<DeduplicateOptions & { readonly id: Any }>({
    ...named,
    withinMs: true,
    graceMs: true,
    acrossKeys: true,
    id: true,
  }),
  process: namesOf<ProcessDefinition<Any, Any, Any, Any, StoreDeclarations>>({
    stores: true,
    key: true,
    value: true,
    create: true,
  }),
  processValues: namesOf<ProcessValuesDefinition<Any, Any, Any, StoreDeclarations>>({
    stores: true,
    value: true,
    create: true,
  }),
  split: namesOf<NamedOptions & { readonly default: string }>({ ...named, default: true }),
  streamTableJoin: namesOf<StreamTableJoinOptions<Any>>({ ...value, graceMs: true, closeWhenIdleMs: true }),
  streamJoin: namesOf<StreamJoinOptions<Any> & LateJoinOptions<Any, Any, Any>>({
    ...value,
    within: true,
    closeWhenIdleMs: true,
    lateTo: true,
  }),
  joinTables: namesOf<JoinTablesOptions<Any, string>>({ ...store, value: true, optional: true }),
  top: namesOf<TopOptions<Any>>({ ...store, by: true, order: true }),
  windows: namesOf<WindowOptions<Any, Any>>({ emit: true, closeWhenIdleMs: true, lateTo: true }),
  windowStore: namesOf<WindowStoreOptions>({ ...store, retentionMs: true }),
  windowStoreValue: namesOf<WindowStoreOptions & StoreValueOptions<Any>>({
    ...store,
    retentionMs: true,
    value: true,
  }),
  sessionAggregate: namesOf<WindowStoreOptions & StoreValueOptions<Any> & { readonly merger: Any }>({
    ...store,
    retentionMs: true,
    value: true,
    merger: true,
  }),
  suppress: namesOf<SuppressOptions>(suppress),
  timeLimit: namesOf<TimeLimitOptions>({ ...suppress, whenFull: true }),
  view: namesOf<ViewOptions<Any>>({ indexes: true, fields: true }),
} as const
