import type { Codec } from '../../contracts/codec.ts'
import { latin1Slice } from '../../internal/latin1.ts'
import type { ByteString } from '../state/byte-store.ts'
import type { KeyValueStore } from '../state/store.ts'
import { Cell, cellOf } from './cell.ts'
import {
  instructions,
  responseCodec,
  type Subscription,
  type SubscriptionResponse,
  subscriptionCodec,
  subscriptionPlace,
  subscriptionPrefix,
} from './foreign-key-messages.ts'
import type { Joiner, Mapper } from './functions.ts'
import type { Lookup, LookupFactory } from './lookup.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import { StreamRecord } from './stream-record.ts'
import { hashesOf, type ValueHashes } from './value-hashes.ts'

/*
 * Algorithm (KIP-213): a left row subscribes at the task that holds its foreign key. That task answers with the
 * foreign row, at once and again whenever the foreign row changes. The answer returns to the left row's task and is
 * joined there with the row as it is now.
 *
 * State: the subscriptions, by foreign key and then primary key, beside the right table; and of an inner join, beside
 * the left table, the primary keys whose joined row may be stale.
 *
 * Correctness: a left row may have changed while its answer was under way, so each subscription carries a hash of the
 * left value and an answer to another value than the present one is dropped: the present one has its own answer
 * coming. In an inner join, one without a foreign row would say nothing, as in Kafka Streams. But a joined row may be
 * stale: because it waits for the answer that takes it back, or because that answer came when the left row had changed
 * once more and was dropped. Such keys are noted until an answer is taken, and whatever the present value is told then
 * is news. (Kafka Streams takes no note, and keeps such a row for good.)
 */

export interface SubscribePlan {
  readonly foreignKeyOf: Mapper
  readonly foreignKey: Codec<unknown>
  readonly left: boolean
  /** Of an inner join: the store of the primary keys whose joined row may be stale. */
  readonly stale: string | undefined
}

const NOTED = Buffer.alloc(0)

/** Left rows subscribe and unsubscribe (Kafka Streams: SubscriptionSendProcessorSupplier). */
export function foreignKeySubscribe(plan: SubscribePlan): ProcessorFactory {
  return (context, next) => new Subscribe(plan, context, next)
}

class Subscribe implements Processor {
  readonly #plan: SubscribePlan
  readonly #stale: KeyValueStore<Buffer> | undefined
  #hashes: ValueHashes | undefined
  #hashedCodec: Codec<unknown> | undefined
  readonly #node: string
  readonly #task: TaskContext
  readonly #next: Processor

  constructor(plan: SubscribePlan, context: ProcessorContext, next: Processor) {
    this.#plan = plan
    this.#stale = plan.stale === undefined ? undefined : context.keyValue(plan.stale)
    this.#node = context.node
    this.#task = context.task
    this.#next = next
  }

  process(record: StreamRecord): void {
    if (!record.isLatest) return this.#task.drop(this.#node, 'outdated')
    if (record.value === null && record.old === null) return
    this.#task.node = this.#node
    const now = this.#foreignKey(record.value, record)
    const before = this.#foreignKey(record.old, record)
    const changed = before !== null && (now === null || now.byteString !== before.byteString)
    if (this.#plan.left) {
      if (changed) this.#send(record, before, instructions.DELETE_QUIETLY)
      this.#send(record, now, instructions.ANSWER_ALWAYS)
      return
    }
    if (now === null) {
      if (record.value !== null) this.#task.drop(this.#node, 'null-key')
      if (before !== null) {
        this.#send(record, before, instructions.DELETE_AND_ANSWER)
        this.#note(record)
      } else if (this.#isStale(record)) {
        this.#send(record, null, instructions.ANSWER_ALWAYS)
      }
    } else if (changed) {
      this.#send(record, before, instructions.DELETE_QUIETLY)
      this.#send(record, now, instructions.ANSWER_ALWAYS)
      this.#note(record)
    } else if (this.#isStale(record)) {
      this.#send(record, now, instructions.ANSWER_ALWAYS)
    } else {
      const { ANSWER_IF_FOUND, ANSWER_QUIETLY } = instructions
      this.#send(record, now, before === null ? ANSWER_IF_FOUND : ANSWER_QUIETLY)
    }
  }

  #isStale({ key }: StreamRecord): boolean {
    return this.#stale?.get((key as Cell).byteString) !== undefined
  }

  #note(record: StreamRecord): void {
    this.#stale?.put((record.key as Cell).byteString, NOTED, record.timestamp)
  }

  #foreignKey(value: Cell | null, record: StreamRecord): Cell | null {
    if (value === null) return null
    return cellOf(this.#plan.foreignKeyOf(value.value, (record.key as Cell).value), this.#plan.foreignKey)
  }

  #send(record: StreamRecord, foreignKey: Cell | null, instruction: number): void {
    const subscription: Subscription = {
      hash: record.value === null ? null : this.#hash(record.value),
      instruction,
      primaryKey: (record.key as Cell).bytes,
      partition: this.#task.partition,
    }
    const value = Cell.ofValue(subscription, subscriptionCodec)
    this.#next.process(new StreamRecord(foreignKey, value, null, record.timestamp, record.headers, true))
  }

  #hash({ value, codec }: Cell): Buffer {
    if (this.#hashes === undefined || this.#hashedCodec !== codec) {
      this.#hashes = hashesOf(codec)
      this.#hashedCodec = codec
    }
    return this.#hashes.of(value)
  }
}

export interface AnswerPlan {
  readonly subscriptions: string
  readonly right: LookupFactory
  readonly rightValue: Codec<unknown>
  readonly primaryKey: Codec<unknown>
}

/** Keeps subscriptions and answers new ones (SubscriptionReceive- and SubscriptionJoinProcessorSupplier). */
export function foreignKeyAnswer(plan: AnswerPlan): ProcessorFactory {
  return (context, next) => new Answer(plan, context, next)
}

class Answer implements Processor {
  readonly #plan: AnswerPlan
  readonly #subscriptions: KeyValueStore<Subscription>
  readonly #rows: Lookup
  readonly #node: string
  readonly #task: TaskContext
  readonly #next: Processor

  constructor(plan: AnswerPlan, context: ProcessorContext, next: Processor) {
    this.#plan = plan
    this.#subscriptions = context.keyValue(plan.subscriptions)
    this.#rows = plan.right.create(context)
    this.#node = context.node
    this.#task = context.task
    this.#next = next
  }

  process(record: StreamRecord): void {
    this.#task.node = this.#node
    const { key } = record
    const subscription = (record.value as Cell).value as Subscription
    const { instruction } = subscription
    const deletes =
      instruction === instructions.DELETE_QUIETLY || instruction === instructions.DELETE_AND_ANSWER
    if (key !== null) {
      const place = subscriptionPlace(key.byteString, latin1Slice(subscription.primaryKey))
      this.#subscriptions.put(place, deletes ? null : subscription, record.timestamp)
    }
    if (instruction === instructions.DELETE_QUIETLY) return
    const row = key === null ? undefined : this.#rows.get(key)
    if (row === undefined && instruction === instructions.ANSWER_IF_FOUND) return
    const { rightValue, primaryKey } = this.#plan
    const foreignValue = row === undefined || deletes ? null : rightValue.encode(row.value)
    const timestamp = row === undefined ? record.timestamp : Math.max(record.timestamp, row.timestamp)
    const isQuiet = foreignValue === null && instruction === instructions.ANSWER_QUIETLY
    this.#next.process(responseRecord(record, { subscription, foreignValue, isQuiet, primaryKey, timestamp }))
  }
}

/** Tells all subscribers of a foreign row that it changed (ForeignTableJoinProcessorSupplier). */
export function foreignKeyNotify(plan: Omit<AnswerPlan, 'right'>): ProcessorFactory {
  return (context, next) => new Notify(plan, context, next)
}

class Notify implements Processor {
  readonly #plan: Omit<AnswerPlan, 'right'>
  readonly #subscriptions: KeyValueStore<Subscription>
  readonly #node: string
  readonly #task: TaskContext
  readonly #next: Processor

  constructor(plan: Omit<AnswerPlan, 'right'>, context: ProcessorContext, next: Processor) {
    this.#plan = plan
    this.#subscriptions = context.keyValue(plan.subscriptions)
    this.#node = context.node
    this.#task = context.task
    this.#next = next
  }

  process(record: StreamRecord): void {
    if (!record.isLatest) return this.#task.drop(this.#node, 'outdated')
    this.#task.node = this.#node
    const { primaryKey, rightValue } = this.#plan
    const prefix = subscriptionPrefix((record.key as Cell).byteString)
    const foreignValue = record.value === null ? null : record.value.bytesAs(rightValue)
    const { timestamp } = record
    for (const [, { value: subscription }] of this.#subscriptions.range(prefix, after(prefix))) {
      const answer = { subscription, foreignValue, isQuiet: false, primaryKey, timestamp }
      this.#next.process(responseRecord(record, answer))
    }
  }
}

export interface ResolvePlan {
  readonly leftRows: LookupFactory
  readonly leftValue: Codec<unknown>
  readonly rightValue: Codec<unknown>
  readonly joiner: Joiner
  readonly left: boolean
  readonly value: Codec<unknown>
  readonly stale: string | undefined
}

/** Joins an answer with the left row, if it is still the one that asked (ResponseJoinProcessorSupplier). */
export function foreignKeyResolve(plan: ResolvePlan): ProcessorFactory {
  return (context, next) => new Resolve(plan, context, next)
}

class Resolve implements Processor {
  readonly #plan: ResolvePlan
  readonly #hashes: ValueHashes
  readonly #rows: Lookup
  readonly #stale: KeyValueStore<Buffer> | undefined
  readonly #node: string
  readonly #task: TaskContext
  readonly #next: Processor

  constructor(plan: ResolvePlan, context: ProcessorContext, next: Processor) {
    this.#plan = plan
    this.#hashes = hashesOf(plan.leftValue)
    this.#rows = plan.leftRows.create(context)
    this.#stale = plan.stale === undefined ? undefined : context.keyValue(plan.stale)
    this.#node = context.node
    this.#task = context.task
    this.#next = next
  }

  process(record: StreamRecord): void {
    this.#task.node = this.#node
    const { rightValue, joiner, left, value } = this.#plan
    const key = record.key as Cell
    const { hash, foreignValue, isQuiet } = (record.value as Cell).value as SubscriptionResponse
    const row = this.#rows.get(key)
    const current = row === undefined ? null : this.#hashes.of(row.value)
    const stillAsked = hash === null ? current === null : current !== null && hash.equals(current)
    if (!stillAsked) {
      if (foreignValue === null) this.#stale?.put(key.byteString, NOTED, record.timestamp)
      return this.#task.drop(this.#node, 'outdated')
    }
    if (this.#stale?.get(key.byteString) !== undefined) {
      this.#stale.put(key.byteString, null, record.timestamp)
    } else if (isQuiet) {
      return
    }
    if (row === undefined || (foreignValue === null && !left))
      return this.#next.process(record.withValue(null))
    const foreign = foreignValue === null ? null : rightValue.decode(foreignValue)
    this.#next.process(record.withValue(cellOf(joiner(row.value, foreign, key.value), value)))
  }
}

function responseRecord(
  cause: StreamRecord,
  answer: {
    subscription: Subscription
    foreignValue: Buffer | null
    isQuiet: boolean
    primaryKey: Codec<unknown>
    timestamp: number
  },
): StreamRecord {
  const { subscription, foreignValue, isQuiet, primaryKey, timestamp } = answer
  const { hash, partition } = subscription
  const response: SubscriptionResponse = { hash, partition, foreignValue, isQuiet }
  const key = Cell.ofBytes(subscription.primaryKey, primaryKey)
  return new StreamRecord(key, Cell.ofValue(response, responseCodec), null, timestamp, cause.headers, true)
}

/** The partition that a response goes back to. */
export function responsePartition(record: StreamRecord): number {
  return ((record.value as Cell).value as SubscriptionResponse).partition
}

/** The first string after all that begin with the prefix; undefined when there is none. */
function after(prefix: ByteString): ByteString | undefined {
  let end = prefix.length
  while (end > 0 && prefix.charCodeAt(end - 1) === 0xff) end--
  return end === 0
    ? undefined
    : prefix.slice(0, end - 1) + String.fromCharCode(prefix.charCodeAt(end - 1) + 1)
}
