import type { Codec } from '../../contracts/codec.ts'
import { assert } from '../../internal/assert.ts'
import { latin1Slice } from '../../internal/latin1.ts'
import type { ByteString } from '../state/byte-store.ts'
import { readTimePart, timePart } from '../state/key-parts.ts'
import type { KeyValueStore } from '../state/store.ts'
import type { AsyncCall, AsyncMapper, AsyncOperator, CallLimits } from './async-call.ts'
import { Cell, cellOf } from './cell.ts'
import { KeyTurns } from './key-turns.ts'
import type { PendingRecord } from './pending-record.ts'
import type { SourcePosition } from './process-context.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import { StreamRecord } from './stream-record.ts'

/*
 * Algorithm: a record that comes is written to the store of pending records, and nothing else happens. Between
 * records the task takes the calls that may begin, at most `concurrency` of them under way, under one key one after
 * the other. A result takes its record out of the store and is pushed on, with the record's own time and headers.
 *
 * State: the pending records, under the numbers in which they came; in memory only who is whose turn.
 *
 * Why it is correct: a commit needs to wait for no call. The transaction that commits a record's offset carries the
 * pending record too, and the one that carries a result carries its deletion: whatever is committed, each record is
 * either pending or has its result, once. A task that is restored finds in the store what has no result and calls
 * again. What a failed source record left is undone in the store, so a number that is not there is passed over.
 * The function sees values as they were stored, at the first call and after a restart alike.
 */

export interface MapAsyncPlan {
  readonly mapper: AsyncMapper
  readonly key: Codec<unknown>
  readonly value: Codec<unknown>
  /** Of the results. */
  readonly result: Codec<unknown>
  /** The store of pending records. */
  readonly pending: string
  readonly concurrency: number
  readonly maxPending: number
  readonly limits: CallLimits
}

/** A new value for every record of a stream, from a function that takes its time. */
export function mapAsync(plan: MapAsyncPlan): ProcessorFactory {
  return (context, next) => {
    const operator = new MapAsync(plan, context, next)
    context.task.attach(operator)
    return operator
  }
}

interface Fresh {
  readonly sequence: number
  readonly key: ByteString | null
  readonly source: SourcePosition | undefined
}

class MapAsync implements Processor, AsyncOperator {
  readonly #plan: MapAsyncPlan
  readonly #store: KeyValueStore<PendingRecord>
  readonly #node: string
  readonly #task: TaskContext
  readonly #next: Processor
  readonly #turns = new KeyTurns()
  /** Taken since calls were last asked for: their source record may still fail. */
  #fresh: Fresh[] = []
  /** By sequence, of those that are not fresh. */
  readonly #sources = new Map<number, SourcePosition | undefined>()
  #underWay = 0
  #nextSequence = 0

  constructor(plan: MapAsyncPlan, context: ProcessorContext, next: Processor) {
    this.#plan = plan
    this.#store = context.keyValue(plan.pending)
    this.#node = context.node
    this.#task = context.task
    this.#next = next
    for (const [place, { value }] of this.#store.range()) {
      const sequence = readTimePart(place, 0)
      this.#turns.add(sequence, keyOf(value))
      this.#sources.set(sequence, value.source)
      this.#nextSequence = sequence + 1
    }
  }

  process(record: StreamRecord): void {
    const task = this.#task
    task.node = this.#node
    const { key, value, timestamp, headers } = record
    const pending: PendingRecord = {
      key: storedBytes(key, this.#plan.key),
      value: storedBytes(value, this.#plan.value),
      headers: headers.map(header => ({ key: header.key, value: copied(header.value) })),
      source: task.source,
    }
    const sequence = this.#nextSequence++
    this.#store.put(timePart(sequence), pending, timestamp)
    this.#fresh.push({ sequence, key: keyOf(pending), source: pending.source })
  }

  get pending(): number {
    return this.#turns.size + this.#fresh.length
  }

  get isFull(): boolean {
    return this.pending >= this.#plan.maxPending
  }

  *pendingSources(): Iterable<SourcePosition> {
    for (const source of this.#sources.values()) if (source !== undefined) yield source
    for (const { source } of this.#fresh) if (source !== undefined) yield source
  }

  takeCalls(): AsyncCall[] {
    if (this.#fresh.length > 0) this.#admit()
    const calls: AsyncCall[] = []
    while (this.#underWay < this.#plan.concurrency) {
      const sequence = this.#turns.next()
      if (sequence === undefined) break
      this.#underWay++
      calls.push(this.#call(sequence))
    }
    return calls
  }

  end({ record, sequence }: AsyncCall): void {
    this.#underWay--
    this.#sources.delete(sequence)
    this.#turns.end(keyOf(record))
  }

  forward(call: AsyncCall, result: unknown): void {
    this.discard(call)
    const { record, timestamp } = call
    const key = record.key === null ? null : Cell.ofBytes(record.key, this.#plan.key)
    const value = cellOf(result, this.#plan.result)
    this.#next.process(new StreamRecord(key, value, null, timestamp, record.headers, true))
  }

  discard({ sequence, timestamp }: AsyncCall): void {
    this.#store.put(timePart(sequence), null, timestamp)
  }

  #admit(): void {
    for (const { sequence, key, source } of this.#fresh) {
      if (this.#store.get(timePart(sequence)) === undefined) continue
      this.#turns.add(sequence, key)
      this.#sources.set(sequence, source)
    }
    this.#fresh = []
  }

  #call(sequence: number): AsyncCall {
    const stored = this.#store.get(timePart(sequence))
    assert(stored !== undefined, `the pending record ${sequence} of ${this.#node} is gone`)
    const { value: record, timestamp } = stored
    const { key, value, source, headers } = record
    const { mapper, limits, ...codecs } = this.#plan
    return {
      operator: this,
      node: this.#node,
      sequence,
      record,
      timestamp,
      limits,
      invoke: signal =>
        mapper(
          value === null ? null : codecs.value.decode(value),
          key === null ? null : codecs.key.decode(key),
          { timestamp, headers, source, signal },
        ),
    }
  }
}

/**
 * Bytes of its own: a slice would keep a whole fetch alive for as long as the call takes. Decoded once before, so that
 * what does not decode fails as the record that it came with.
 */
function storedBytes(cell: Cell | null, codec: Codec<unknown>): Buffer | null {
  if (cell === null) return null
  const { value } = cell
  return codec === cell.codec ? Buffer.from(cell.bytes) : codec.encode(value)
}

function copied(bytes: Buffer | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes)
}

function keyOf({ key }: PendingRecord): ByteString | null {
  return key === null ? null : latin1Slice(key)
}
