import { inspect } from 'node:util'
import type { Codec } from '../contracts/codec.ts'
import { covers, filterPosition, mergePositions, type Position } from '../contracts/position.ts'
import { describeValue } from '../contracts/schema.ts'
import { EvertError } from '../errors.ts'
import { type Clock, systemClock } from '../internal/clock.ts'
import type { View, ViewReader } from '../streams/dsl/view.ts'
import type { FindOptions, FindResult, GetResult, ReadOptions, Where } from '../streams/dsl/view-query.ts'
import { queryFingerprint, readCursor, writeCursor } from './cursor.ts'
import { collectRows, type Query } from './find.ts'
import { rangeOfKeys } from './key-condition.ts'
import type { LocalTask, LocalTasks } from './local-tasks.ts'
import { parseOrderBy } from './row-order.ts'
import { TopRows } from './top-rows.ts'
import { waitFor } from './wait.ts'
import { InvalidQueryError, parseWhere } from './where.ts'

export interface LocalReaderOptions<K, V> {
  readonly view: Pick<View<K, V>, 'name' | 'options'>
  readonly key: Codec<K>
  readonly tasks: LocalTasks<V>
  readonly clock?: Clock
}

const DEFAULT_TIMEOUT_MS = 10_000
/** How long a query may keep the event loop before it lets others in, between two tasks. */
const TURN_MS = 10

interface Answer<V, T> {
  readonly from: (tasks: LocalTask<V>[]) => T | undefined
  /** What of these tasks was waited for in vain, when there may be something: to go before "within … ms". */
  readonly unmet?: (tasks: LocalTask<V>[]) => string
}

interface Late<V> {
  readonly timeoutMs: number
  readonly unmet: Answer<V, unknown>['unmet']
}

/**
 * Answers a view's queries from the tasks of this instance.
 *
 * A query waits until all partitions that it needs are here and stand at `minPosition`; then each task is read in one
 * turn of the event loop, at one commit. The position of the answer is the vector of those commits. Who waits for a row
 * looks at it after every commit and every change of the tasks, so it may move away and come back.
 */
export class LocalReader<K, V> implements ViewReader<K, V> {
  readonly #name: string
  readonly #fields: readonly string[] | undefined
  readonly #key: Codec<K>
  readonly #tasks: LocalTasks<V>
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()
  #closed: Error | undefined

  constructor({ view, key, tasks, clock = systemClock }: LocalReaderOptions<K, V>) {
    this.#name = view.name
    const { fields, indexes } = view.options
    this.#fields = fields === undefined ? undefined : [...new Set([...fields, ...indexes])]
    this.#key = key
    this.#tasks = tasks
    this.#clock = clock
  }

  async getWithPosition(key: K, options: ReadOptions): Promise<GetResult<V>> {
    return this.waitFor(key, () => true, options)
  }

  async waitFor(key: K, isSo: (row: V | undefined) => boolean, options: ReadOptions): Promise<GetResult<V>> {
    const encoded = this.#key.encode(key)
    const rowKey = encoded.toString('latin1')
    return this.#when([this.#tasks.partitionFor(encoded)], options, {
      from: ([task]) => {
        if (task === undefined) return undefined
        const value = task.rows.get(rowKey)
        return isSo(value) ? { value, position: task.position() } : undefined
      },
      unmet: ([task]) => {
        const row = typeof key === 'string' ? JSON.stringify(key) : inspect(key, { breakLength: Infinity })
        return task?.rows.get(rowKey) === undefined
          ? `The view "${this.#name}" got no row ${row}`
          : `The row ${row} of the view "${this.#name}" did not come to the awaited state`
      },
    })
  }

  async find(where: Where<V>, options: FindOptions<V, K>): Promise<FindResult<K, V>> {
    const { limit } = options
    const terms = parseWhere(where, this.#fields)
    const order = parseOrderBy(options.orderBy, this.#fields)
    const keys = rangeOfKeys(this.#name, this.#key, options.keys)
    const fingerprint = queryFingerprint(this.#name, terms, order, keys)
    const after = options.cursor === undefined ? undefined : readCursor(options.cursor, fingerprint, order)
    assertLimit(limit)
    const query: Query = { terms, order, limit, after, keys }

    const partitions = Array.from({ length: this.#tasks.partitions }, (_, partition) => partition)
    await this.#when(partitions, options, { from: tasks => tasks })
    // One more than asked for tells whether there is a next page.
    const top = new TopRows<V>(order, limit === undefined ? Number.POSITIVE_INFINITY : limit + 1)
    const positions: Position[] = []
    let turnStart = performance.now()
    for (const partition of partitions) {
      if (performance.now() - turnStart > TURN_MS) {
        await nextTurn()
        options.signal?.throwIfAborted()
        turnStart = performance.now()
      }
      const task = this.#taskOf(partition)
      if (task === undefined) throw this.#notHere([partition])
      collectRows(task, query, top)
      positions.push(task.position())
    }

    const found = top.toSorted()
    const page = limit === undefined ? found : found.slice(0, limit)
    const last = page.at(-1)
    return {
      rows: page.map(({ place, value }) => ({
        key: this.#key.decode(Buffer.from(place.key, 'latin1')),
        value,
      })),
      ...(last !== undefined && page.length < found.length
        ? { cursor: writeCursor(fingerprint, last.place) }
        : {}),
      position: mergePositions(...positions),
    }
  }

  close(why: Error = this.#stopped()): void {
    this.#closed = why
    for (const look of this.#waiting) look()
  }

  /** What is made of the tasks of the partitions, once all are here and at the position and something is made of them. */
  async #when<T>(partitions: readonly number[], options: ReadOptions, answer: Answer<V, T>): Promise<T> {
    const { minPosition = {}, timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options
    assertTimeout(timeoutMs)
    const needed = this.#needed(minPosition, partitions)
    const anywhere = Object.keys(needed).length === 0
    return waitFor(
      look => this.#onChange(look),
      () => {
        if (this.#closed !== undefined) throw this.#closed
        const tasks = this.#tasksOf(partitions)
        if (tasks.length < partitions.length) return undefined
        return anywhere || covers(positionOf(tasks), needed) ? answer.from(tasks) : undefined
      },
      () => this.#late(partitions, needed, { timeoutMs, unmet: answer.unmet }),
      { timeoutMs, signal, clock: this.#clock },
    )
  }

  #onChange(look: () => void): () => void {
    this.#waiting.add(look)
    const stop = this.#tasks.onChange(look)
    return () => {
      this.#waiting.delete(look)
      stop()
    }
  }

  /** The part of `minPosition` that concerns these partitions. */
  #needed(minPosition: Position, partitions: readonly number[]): Position {
    const { topics, isRepartitioned = false, inputPartitions } = this.#tasks
    const known = inputPartitions ?? this.#tasks.partitions
    return filterPosition(minPosition, (topic, partition) => {
      if (!topics.includes(topic)) {
        throw new EvertError(
          'INVALID_ARGUMENT',
          `The position names the topic "${topic}", which the view "${this.#name}" does not read` +
            `${isRepartitioned ? ': its rows come through a repartition topic; use waitFor' : ''}. ` +
            `It reads: ${topics.join(', ')}.`,
        )
      }
      if (partition >= known) {
        throw new EvertError(
          'INVALID_ARGUMENT',
          `The position names partition ${partition} of "${topic}", which has ${known}.`,
        )
      }
      return inputPartitions !== undefined || partitions.includes(partition)
    })
  }

  #late(partitions: readonly number[], needed: Position, { timeoutMs, unmet }: Late<V>): EvertError {
    const missing = partitions.filter(partition => this.#taskOf(partition) === undefined)
    if (missing.length > 0) return this.#notHere(missing)
    const tasks = this.#tasksOf(partitions)
    const what =
      unmet !== undefined && covers(positionOf(tasks), needed)
        ? unmet(tasks)
        : `The view "${this.#name}" did not reach the position`
    return new EvertError('TIMEOUT', `${what} within ${timeoutMs} ms. Ask again, or allow more time.`, {
      retryable: true,
      cause: needed,
    })
  }

  #stopped(): EvertError {
    return new EvertError('CLOSED', `The application behind the view "${this.#name}" was stopped.`, {
      retryable: true,
    })
  }

  #notHere(partitions: readonly number[]): EvertError {
    return new EvertError(
      'NOT_READY',
      `The view "${this.#name}" does not have partition ${partitions.join(', ')} on this instance: it is being ` +
        'restored, or another instance has it. Ask again later, or ask that instance.',
      { retryable: true },
    )
  }

  /** Those that are here. */
  #tasksOf(partitions: readonly number[]): LocalTask<V>[] {
    return partitions.map(partition => this.#taskOf(partition)).filter(task => task !== undefined)
  }

  #taskOf(partition: number): LocalTask<V> | undefined {
    return this.#tasks.tasks().find(task => task.partition === partition)
  }
}

function positionOf(tasks: readonly LocalTask<unknown>[]): Position {
  return mergePositions(...tasks.map(task => task.position()))
}

function assertTimeout(timeoutMs: unknown): void {
  if (typeof timeoutMs === 'number' && timeoutMs >= 0) return
  throw new EvertError(
    'INVALID_ARGUMENT',
    `timeoutMs is a number of milliseconds, 0 or more, not ${describeValue(timeoutMs)}.`,
  )
}

function assertLimit(limit: unknown): void {
  if (limit === undefined || (Number.isSafeInteger(limit) && (limit as number) > 0)) return
  throw new InvalidQueryError(`The limit is a whole number, 1 or more, not ${describeValue(limit)}.`, {
    field: 'limit',
  })
}

function nextTurn(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}
