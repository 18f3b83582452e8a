import { EvertError } from '../../errors.ts'
import type { FindOptions, FindResult, GetResult, ReadOptions, ScalarField, Where } from './view-query.ts'

export interface ViewOptions<V> {
  /** Fields with an index of their own. Default none. */
  readonly indexes?: readonly ScalarField<V>[]
  /**
   * The fields that queries may name besides the indexed ones; others are INVALID_QUERY. Give them when names come from
   * outside. Default: whatever the type allows; a name that only the type could refuse then counts as null in
   * every row, since rows do not tell a wrong name from an optional field that none of them has yet.
   */
  readonly fields?: readonly ScalarField<V>[]
}

/**
 * What answers a view's queries: the running application that holds its partitions.
 *
 * Contract: answers come from committed state only; each carries the position that it reflects.
 */
export interface ViewReader<K, V> {
  getWithPosition(key: K, options: ReadOptions): Promise<GetResult<V>>
  waitFor(key: K, isSo: (row: V | undefined) => boolean, options: ReadOptions): Promise<GetResult<V>>
  find(where: Where<V>, options: FindOptions<V, K>): Promise<FindResult<K, V>>
  /** Ends every call that still waits: it throws why, or CLOSED. */
  close(why?: Error): void
}

/**
 * A queryable table of an application, declared with the topology and answering once the application runs.
 * All calls throw NOT_READY before that and after the application failed, INVALID_QUERY for a query that does not fit the view, INVALID_ARGUMENT for
 * options that are not of their form, TIMEOUT when `minPosition` was not reached in time, and CLOSED when the application
 * is stopped while they wait.
 */
export class View<K, V> {
  readonly name: string
  readonly options: ViewOptions<V> & { readonly indexes: readonly ScalarField<V>[] }
  #reader: ViewReader<K, V> | undefined
  /** Why the application that answered last has failed. */
  #failure: Error | undefined

  constructor(name: string, options: ViewOptions<V> = {}) {
    this.name = name
    this.options = { ...options, indexes: [...new Set(options.indexes)] }
  }

  /** The latest value of the key, or undefined. */
  async get(key: K, options: ReadOptions = {}): Promise<V | undefined> {
    return (await this.#bound().getWithPosition(key, options)).value
  }

  /** As `get`, with the position that the answer reflects. */
  async getWithPosition(key: K, options: ReadOptions = {}): Promise<GetResult<V>> {
    return this.#bound().getWithPosition(key, options)
  }

  /**
   * The row of the key as soon as it is so: now, or after the commit that makes it so. A state that does not last
   * until the end of its commit is not seen. `isSo` may be called at every commit, so it only looks; what it throws is
   * thrown here. Throws TIMEOUT when the row was not so within `timeoutMs`, and NOT_READY when the key's partition is
   * not here then.
   *
   * @example
   * const { value } = await orders.waitFor('17', order => order?.state === 'VALIDATED', { timeoutMs: 5_000 })
   */
  async waitFor(
    key: K,
    isSo: (row: V | undefined) => boolean,
    options: ReadOptions = {},
  ): Promise<GetResult<V>> {
    return this.#bound().waitFor(key, isSo, options)
  }

  /** The rows that fulfil all conditions, in order; without conditions, all rows. */
  async find(where: Where<V> = {}, options: FindOptions<V, K> = {}): Promise<FindResult<K, V>> {
    return this.#bound().find(where, options)
  }

  /** Called by the application when it starts (with its reader) and when it has stopped (with undefined, and why). */
  bind(reader: ViewReader<K, V> | undefined, failure?: Error): void {
    if (reader !== undefined && this.#reader !== undefined) {
      throw new EvertError(
        'INVALID_ARGUMENT',
        `The view "${this.name}" already answers from a running application.`,
      )
    }
    this.#reader?.close(failure)
    this.#reader = reader
    this.#failure = failure
  }

  #bound(): ViewReader<K, V> {
    if (this.#reader !== undefined) return this.#reader
    if (this.#failure !== undefined) throw this.#failure
    throw new EvertError(
      'NOT_READY',
      `The view "${this.name}" has no running application behind it. Start the app, then query.`,
      { retryable: true },
    )
  }
}
