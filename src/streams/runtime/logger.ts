/** Where the runtime tells what an operator should know. Default: nowhere. */
export interface Logger {
  info(message: string): void
  warn(message: string): void
}

export const silentLogger: Logger = { info() {}, warn() {} }
