/**
 * Where the runtime tells what an operator should know, in sentences. Loggers of the shape of pino, bunyan or the like are
 * taken as they are. Default: nowhere.
 */
export interface Logger {
  info(message: string): void
  warn(message: string): void
  /** Default: `warn`. */
  error?(message: string): void
  /**
   * A logger whose lines have these fields, for programs to read: `application`, `task`, `store`, `records` … Default:
   * lines have their sentence alone.
   */
  child?(fields: LogFields): Logger
}

export type LogFields = Readonly<Record<string, string | number>>

export const silentLogger: Logger = { info() {}, warn() {} }

export function withFields(logger: Logger, fields: LogFields): Logger {
  return logger.child?.(fields) ?? logger
}

export function logError(logger: Logger, message: string): void {
  if (logger.error === undefined) logger.warn(message)
  else logger.error(message)
}
