/**
 * The one root of every error that Evert throws on purpose. `code` is stable and can be compared; `retryable` says
 * whether the same call may succeed later without a change by the caller; `cause` keeps what was underneath.
 * The message says what happened, to what, and what to do about it.
 */
export class EvertError extends Error {
  readonly code: ErrorCode
  readonly retryable: boolean

  constructor(code: ErrorCode, message: string, options: EvertErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.retryable = options.retryable ?? false
  }
}

export interface EvertErrorOptions {
  /** What was underneath, kept as `error.cause`. */
  cause?: unknown
  /** Whether the same call may succeed later. Default false. */
  retryable?: boolean
}

/** Every `code` that an EvertError can carry. A new one is added here first. */
export type ErrorCode =
  /** Bytes that are not what the format says they should be. */
  | 'MALFORMED_BYTES'
  /** A record batch whose checksum does not match its bytes. */
  | 'CORRUPT_RECORD'
  /** A value that a codec or a schema refuses. */
  | 'INVALID_VALUE'
  /** An argument of a public call that is not of its form. */
  | 'INVALID_ARGUMENT'
  /** A topic name that breaks Kafka's rule. */
  | 'INVALID_TOPIC_NAME'
  /** A cluster URL that names no known transport. */
  | 'INVALID_CLUSTER_URL'
  /** Neither side knows a common version of the message, or a field is set that the version cannot carry. */
  | 'UNSUPPORTED_VERSION'
  /** A compression codec that is not built in. */
  | 'UNSUPPORTED_COMPRESSION'
  /** The other side answered with a Kafka error code; see KafkaError. */
  | 'KAFKA'
  /** The connection was refused, lost, or timed out. */
  | 'CONNECTION'
  /** A call ran out of its time. */
  | 'TIMEOUT'
  /** The object was closed before or during the call. */
  | 'CLOSED'
  /** Another process owns the data or state directory. */
  | 'DIRECTORY_IN_USE'
  /** A directory or file was written by a newer release. */
  | 'NEWER_FORMAT'
  /** Damage on disk beyond what recovery may repair. */
  | 'DAMAGED_DATA'
  /** The disk refused a read, a write or a sync. */
  | 'DISK'
  /** A topology that cannot be built; the message says what to change. */
  | 'INVALID_TOPOLOGY'
  /** The topology was changed in a way that would lose or misread its state; the message says what, and how to go on. */
  | 'TOPOLOGY_CHANGED'
  /** The application has instances that run, so that its position and state cannot be changed. */
  | 'APPLICATION_RUNNING'
  /** A rewind of the application began and did not come to its end: it is to be made again. */
  | 'REWIND_UNFINISHED'
  /** This member lost its tasks to another one; it rejoins by itself. */
  | 'TASK_MIGRATED'
  /** A record could not be decoded, processed or produced, and the handler said stop. */
  | 'TASK_FAILED'
  /** A record is larger than its topic takes (`max.message.bytes`). */
  | 'RECORD_TOO_LARGE'
  /** The buffer of a suppressed table is full and was told to stop then. */
  | 'BUFFER_FULL'
  /** A query names a field, an operator or a view that does not exist. */
  | 'INVALID_QUERY'
  /** The state asked for is not (yet) here. */
  | 'NOT_READY'

/** True for an EvertError, with the given code if one is given. */
export function isEvertError(error: unknown, code?: ErrorCode): error is EvertError {
  return error instanceof EvertError && (code === undefined || error.code === code)
}
