/** Fails loudly on a bug of ours; never used for what a user or a peer may get wrong. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

export class AssertionError extends Error {
  constructor(message: string) {
    super(`Bug in Evert: ${message}`)
    this.name = 'AssertionError'
  }
}

/** For the default branch of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable value ${String(value)}`)
}
