import { createHash } from 'node:crypto'
import type { Codec } from '../../contracts/codec.ts'
import { EvertError } from '../../errors.ts'
import { latin1Slice } from '../../internal/latin1.ts'
import type { ByteString } from '../state/byte-store.ts'
import { keyPart, numberPart } from '../state/key-parts.ts'
import type { KeyValueStore } from '../state/store.ts'
import type { Cell } from './cell.ts'
import { missing } from './drop-reason.ts'
import { haveSameBytes, type RowWriter, rowWriter, type TableState } from './materialised.ts'
import type { Processor, ProcessorContext, ProcessorFactory, TaskContext } from './processor.ts'
import type { CountedRow } from './row-list.ts'
import type { StreamRecord } from './stream-record.ts'

/*
 * Algorithm: the rows of a group lie in a store in the order of their rank. A change takes out the old row and puts in
 * the new one, and when that touches the first n, they are read again and go out as the group's new list. The place of
 * the list's last row tells what touches it: most changes of a large group end there, with one encoding.
 *
 * State: the members by group (length, bytes), rank (8 bytes) and the bytes of the row; rows that are alike share an
 * entry, which counts them. And the list of each group, which is the table's row.
 *
 * Correctness: a table's change carries the row that the group had, and rows are written as the same bytes each time,
 * so what leaves is found where it was put. The list is the first n of the order and nothing else, so the row that
 * takes the place of one that left is the next in it. Of a stream nothing ever leaves: only the first n are kept.
 */

export interface GroupTopPlan {
  readonly limit: number
  readonly rank: (value: unknown) => unknown
  readonly descending: boolean
  readonly member: Codec<unknown>
  readonly members: string
  readonly state: TableState
  /** Members may leave, so that those beyond the first n are kept too. */
  readonly keepsAll: boolean
}

/** Longer rows have a digest in the place of what is beyond. */
const WHOLE_BYTES = 256
const HEAD_BYTES = 224
const NONE: readonly unknown[] = []

export function groupTop(plan: GroupTopPlan): ProcessorFactory {
  return (context, next) => new GroupTop(plan, context, next)
}

class GroupTop implements Processor {
  readonly #plan: GroupTopPlan
  readonly #members: KeyValueStore<CountedRow>
  readonly #lists: KeyValueStore<readonly unknown[]>
  readonly #writer: RowWriter
  readonly #node: string
  readonly #task: TaskContext

  constructor(plan: GroupTopPlan, context: ProcessorContext, next: Processor) {
    const { state, members } = plan
    this.#plan = plan
    this.#members = context.keyValue(members)
    this.#lists = context.keyValue(state.store as string)
    this.#writer = rowWriter(this.#lists, state, next)
    this.#node = context.node
    this.#task = context.task
  }

  process(record: StreamRecord): void {
    const { key, value, old } = record
    if (key === null || (value === null && old === null)) return this.#task.drop(this.#node, missing(record))
    this.#task.node = this.#node
    const { limit, keepsAll, state } = this.#plan
    const group = keyPart(key.byteString)
    const row = this.#lists.get(key.byteString)
    const list = row?.value ?? NONE
    const last = list.length < limit ? undefined : this.#place(group, list[limit - 1])
    const left = old === null ? undefined : this.#place(group, old.value)
    const entered = value === null ? undefined : this.#place(group, value.value)
    if (left === entered && this.#members.get(left as ByteString) !== undefined) return
    if (!keepsAll && last !== undefined) {
      if ((entered as ByteString) >= last) return
      this.#remove(last, record.timestamp)
    }
    const isLeft = left !== undefined && this.#remove(left, record.timestamp)
    if (entered !== undefined) this.#add(entered, value as Cell, record.timestamp)
    const isTouched =
      last === undefined || (isLeft && left <= last) || (entered !== undefined && entered < last)
    if (!isTouched) return
    const top = this.#first(group, last)
    // Another like the last one may have been waiting behind it.
    if (left === last && list.length === top.length && haveSameBytes(list, top, state.value)) return
    const timestamp = Math.max(record.timestamp, row?.timestamp ?? -1)
    this.#writer.replace(record, { old: row?.value ?? null, value: top.length === 0 ? null : top }, timestamp)
  }

  #place(group: ByteString, value: unknown): ByteString {
    const { rank, descending, member } = this.#plan
    const number = rank(value)
    if (typeof number !== 'number' || Number.isNaN(number)) {
      throw new EvertError(
        'INVALID_VALUE',
        `The operator "${this.#node}" orders rows by a number, but got ${String(number)} for one. Return a number from "by".`,
      )
    }
    const bytes = member.encode(value)
    const part =
      bytes.length <= WHOLE_BYTES
        ? latin1Slice(bytes)
        : latin1Slice(bytes, 0, HEAD_BYTES) + latin1Slice(createHash('sha256').update(bytes).digest())
    return group + numberPart(number, descending) + part
  }

  #add(place: ByteString, { value }: Cell, timestamp: number): void {
    const count = (this.#members.get(place)?.value.count ?? 0) + 1
    this.#members.put(place, { value, count }, timestamp)
  }

  #remove(place: ByteString, timestamp: number): boolean {
    const member = this.#members.get(place)?.value
    if (member === undefined) return false
    const { value, count } = member
    this.#members.put(place, count === 1 ? null : { value, count: count - 1 }, timestamp)
    return true
  }

  /** The first rows of the group; they end at `last` or soon behind it. */
  #first(group: ByteString, last: ByteString | undefined): unknown[] {
    const top: unknown[] = []
    // No rank begins with such bytes.
    const end = `${group}\xff\xff`
    const behind = last === undefined ? end : `${last}\0`
    this.#collect(top, group, behind)
    if (last !== undefined) this.#collect(top, behind, end)
    return top
  }

  #collect(top: unknown[], from: ByteString, to: ByteString): void {
    const { limit } = this.#plan
    if (top.length >= limit) return
    for (const [, { value: member }] of this.#members.range(from, to)) {
      for (let i = 0; i < member.count && top.length < limit; i++) top.push(member.value)
      if (top.length >= limit) return
    }
  }
}
