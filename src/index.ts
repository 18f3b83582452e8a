/**
 * Evert: a database turned inside out. Declare topics, derive tables and views from them, start.
 *
 *   import { app, json, string, topic } from 'evert'
 *
 * Further subpaths: `evert/service` (HTTP), `evert/testing` (topology test driver), `evert/client` (producers,
 * readers, administration), `evert/broker` (the embedded log by itself).
 */

// Applications
export { type App, app, type HttpOptions, type StartOptions, type WorkersOptions } from './app/app.ts'
export type { WorkerStatus } from './app/workers/worker-pool.ts'
export type { Appended, AppendOptions, CloseOptions, Running } from './app/running.ts'
export type { Optimization, TopologyOptions } from './streams/graph/to-topology.ts'
export type { ApplicationState } from './streams/runtime/application-life.ts'
export type { Guarantee } from './streams/runtime/committer.ts'
export type { LogFields, Logger } from './streams/runtime/logger.ts'
export type {
  ErrorDecision,
  ErrorHandler,
  ErrorKind,
  ErrorPolicy,
  ErrorRule,
  FailedRecord,
} from './streams/processors/error-policy.ts'
export type { DropReason } from './streams/processors/drop-reason.ts'
export type { DroppedRecords, OutOfOrderRecords, RecordingLevel } from './streams/runtime/record-counts.ts'
export type {
  HistogramSample,
  MetricFamily,
  MetricLabels,
  MetricSample,
  MetricUnit,
} from './internal/metric.ts'
export type { RestoreProgress } from './streams/runtime/restore.ts'
export type { MetricSource, RecordTracer, Telemetry, TracedRecord } from './streams/runtime/telemetry.ts'

// Rewinding: an application processes its inputs again, with empty state
export { type Rewind, rewindApplication, type RewindOptions } from './app/rewind-application.ts'
export type { InputOffset, RewindPlan, RewindTarget, RewoundInput } from './streams/rewind/rewind.ts'

// Clusters
export type { Cluster, ClusterOptions } from './client/cluster.ts'
export type { ClusterListener } from './client/transport/options.ts'
export { openCluster } from './app/open-cluster.ts'

// Contracts: topics and codecs
export { type Topic, type TopicOptions, topic } from './contracts/topic.ts'
export type { Codec, ValueOf } from './contracts/codec.ts'
export { boolean, bytes, double, int32, int64, string } from './contracts/codecs.ts'
export { ordered, tuple, type TupleCodec } from './contracts/ordered.ts'
export { json, type JsonOptions, type JsonValue } from './contracts/json.ts'

// Streams and tables: what `app(…).stream` and `.table` give
export { StreamsBuilder } from './streams/dsl/streams-builder.ts'
export type { KStream } from './streams/dsl/kstream.ts'
export type { MapAsyncOptions } from './streams/dsl/map-async.ts'
export type { AsyncRecordContext } from './streams/processors/async-call.ts'
export type { KTable } from './streams/dsl/ktable.ts'
export type { UnlimitedKStream, UnlimitedKTable, VersionedKTable } from './streams/dsl/narrowed-tables.ts'
export type { GlobalKTable } from './streams/dsl/global-ktable.ts'
export type { KGroupedStream } from './streams/dsl/kgrouped-stream.ts'
export type { KGroupedTable } from './streams/dsl/kgrouped-table.ts'
export type { DeduplicateOptions } from './streams/dsl/deduplicate.ts'
export type { TopOptions } from './streams/dsl/group-top.ts'
export { type JoinedRows, joinTables, type JoinTablesOptions } from './streams/dsl/join-tables.ts'

// What a topology is, as data and as Kafka Streams' text
export {
  describe as describeTopology,
  describeAsText,
  type NodeDescription,
  type SubTopologyDescription,
  type TopologyDescription,
} from './streams/graph/describe.ts'

// Windows: what `windowedBy` and `sessions` take, and what comes out
export {
  type GraceOptions,
  hopping,
  type SessionWindows,
  sessions,
  type SlidingWindows,
  sliding,
  type TimeWindows,
  type TumblingOptions,
  tumbling,
  type UnlimitedWindows,
  unlimited,
} from './streams/processors/windows.ts'
export type { LateJoinOptions } from './streams/dsl/stream-join.ts'
export type { JoinWindows } from './streams/processors/join-windows.ts'
export { type Windowed, windowed } from './streams/processors/windowed-key.ts'
export type { SuppressOptions, TimeLimitOptions } from './streams/dsl/suppress.ts'
export type { WindowStoreOptions } from './streams/dsl/window-aggregation.ts'
export type { WindowEmitOptions, WindowOptions } from './streams/dsl/window-operator.ts'

// Processors of one's own, with stores and punctuations
export type { ProcessDefinition, ProcessValuesDefinition, RecordProcessor } from './streams/dsl/process.ts'
export {
  type DeclaredSessionStoreOptions,
  type DeclaredStoreOptions,
  type DeclaredVersionedStoreOptions,
  type DeclaredWindowStoreOptions,
  keyValueStore,
  lruMap,
  type LruMapOptions,
  sessionStore,
  versionedStore,
  windowStore,
} from './streams/dsl/stores.ts'
export type { WindowStore } from './streams/processors/processor-window-store.ts'
export type { SessionRange, SessionStore } from './streams/processors/processor-session-store.ts'
export type { VersionedRecord, VersionedStore } from './streams/processors/processor-versioned-store.ts'
export type { VersionOutcome } from './streams/processors/versioned-rows.ts'
export type { TimeRange } from './streams/processors/time-range.ts'
export { keyedTimers, type TimersOptions } from './streams/dsl/timers.ts'
export type { Timers } from './streams/processors/keyed-timers.ts'
export type {
  ForwardOptions,
  ProcessContext,
  ProcessValuesContext,
  PunctuationTime,
  RecordContext,
  ScheduleOptions,
  SourcePosition,
} from './streams/processors/process-context.ts'
export type {
  BuiltInTimestamp,
  TimestampExtractor,
  TimestampFunction,
} from './streams/processors/timestamp-extractor.ts'
export type { Partitioner } from './streams/processors/user-partitioner.ts'
export type { ProcessorStore, ReadOnlyStore } from './streams/processors/processor-store.ts'
export type { KeyBounds, StoreRange } from './streams/processors/byte-range.ts'
export type { StoreDeclaration } from './streams/processors/store-declaration.ts'

// Views and their queries
export type { View, ViewOptions } from './streams/dsl/view.ts'
export type {
  Condition,
  FindOptions,
  FindResult,
  GetResult,
  KeyCondition,
  Operators,
  OrderBy,
  ReadOptions,
  Row,
  Scalar,
  ScalarField,
  Where,
  WindowTimes,
} from './streams/dsl/view-query.ts'

// Positions: read your own writes
export {
  covers,
  entriesOf,
  formatPosition,
  mergePositions,
  offsetAt,
  parsePosition,
  type Position,
  positionAfter,
} from './contracts/position.ts'

// Errors
export { type ErrorCode, EvertError, type EvertErrorOptions, isEvertError } from './errors.ts'
export { InvalidValueError, type SchemaIssue } from './contracts/schema.ts'
export { KafkaError } from './client/kafka-error.ts'
