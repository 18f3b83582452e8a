import type { Codec } from '../../contracts/codec.ts'
import type { ByteString, StoreWrites } from './byte-store.ts'
import { readTimePart, TIME_LENGTH, timePart } from './key-parts.ts'
import type { KeyValueStore, StoredValue } from './store.ts'
import type { StoreObserver } from './store-observer.ts'
import { WindowBlock, WindowBlockCodec, type WindowLayout } from './window-blocks.ts'

/*
 * A store of blocks of windows as everybody but the aggregate sees it: a store of single windows, whose keys are
 * start and key (processors/windowed-key.ts), in that order.
 *
 * Blocks lie in the order of their first windows, so that all blocks that begin at one time hold the windows up to where
 * the next ones begin: a range gathers the blocks of one beginning, and then goes through their places.
 */

type Blocks = Pick<KeyValueStore<WindowBlock>, 'get' | 'range' | 'name'>

/** The name under which a task has the blocks themselves. No store of a user has a name like this. */
export function blocksOf(store: string): string {
  return `${store}-#blocks`
}

/** The stores that a task has by name for one that it keeps: itself; or its windows, and its blocks. */
export function storesByName(
  kept: KeyValueStore<unknown>,
  codec: Codec<unknown>,
): [string, KeyValueStore<unknown>][] {
  if (!(codec instanceof WindowBlockCodec)) return [[kept.name, kept]]
  return [
    [kept.name, windowRows(kept as KeyValueStore<WindowBlock>, codec.layout)],
    [blocksOf(kept.name), kept],
  ]
}

export function windowRows(blocks: KeyValueStore<WindowBlock>, layout: WindowLayout): KeyValueStore<unknown> {
  return {
    ...committedWindowRows(blocks, layout),
    put(key, value, timestamp) {
      const { blockKey, place } = placeOf(key, layout)
      const row = blocks.get(blockKey)
      const block = row === undefined ? WindowBlock.empty(layout.perBlock) : row.value.copy()
      if (value === null) block.remove(place)
      else block.set(place, value, timestamp)
      const changedAt = Math.max(timestamp, row?.timestamp ?? timestamp)
      blocks.put(blockKey, block.isEmpty ? null : block, changedAt)
    },
  }
}

/** For reading only. */
export function committedWindowRows(
  blocks: Blocks,
  layout: WindowLayout,
): Omit<KeyValueStore<unknown>, 'put'> {
  return {
    name: blocks.name,
    get(key) {
      if (!isWindow(key, layout)) return undefined
      const { blockKey, place } = placeOf(key, layout)
      const block = blocks.get(blockKey)?.value
      return block === undefined ? undefined : rowAt(block, place)
    },
    range: (from, to, options) =>
      windowRange(blocks, layout, { from, to, reverse: options?.reverse === true }),
  }
}

/** Keeps an observer of windows in step with blocks. */
export function windowObserver(
  observer: StoreObserver<unknown>,
  { layout }: WindowBlockCodec<unknown>,
): StoreObserver<WindowBlock> {
  return {
    version: observer.version,
    stores: observer.stores,
    changed(key, old, now) {
      const start = readTimePart(key, 0)
      const inner = key.slice(TIME_LENGTH)
      for (let place = 0; place < layout.perBlock; place++) {
        const before = old && rowAt(old.value, place)
        const after = now && rowAt(now.value, place)
        if (before?.value === after?.value && before?.timestamp === after?.timestamp) continue
        observer.changed(timePart(start + place * layout.advanceMs) + inner, before, after)
      }
    },
    takeWrites: (): readonly StoreWrites[] => observer.takeWrites(),
    discard: () => observer.discard(),
  }
}

interface Bounds {
  readonly from: ByteString | undefined
  readonly to: ByteString | undefined
  readonly reverse: boolean
}

type Row = readonly [ByteString, StoredValue<unknown>]

function* windowRange(blocks: Blocks, layout: WindowLayout, bounds: Bounds): Generator<Row> {
  const { from, to, reverse } = bounds
  const firstBlock = from === undefined ? undefined : timePart(blockStart(timeOf(from), layout))
  const lastTime = to === undefined ? MAX_TIME : timeOf(to)
  const pastBlocks = lastTime === MAX_TIME ? undefined : timePart(lastTime + 1)
  let beginning = ''
  let neighbours: [ByteString, WindowBlock][] = []
  for (const [key, { value }] of blocks.range(firstBlock, pastBlocks, { reverse })) {
    const itsBeginning = key.slice(0, TIME_LENGTH)
    if (itsBeginning !== beginning && neighbours.length > 0) {
      yield* rowsOf(beginning, neighbours, layout, bounds)
      neighbours = []
    }
    beginning = itsBeginning
    neighbours.push([key.slice(TIME_LENGTH), value])
  }
  yield* rowsOf(beginning, neighbours, layout, bounds)
}

/** The windows of blocks that begin at one time. */
function* rowsOf(
  beginning: ByteString,
  blocks: readonly (readonly [ByteString, WindowBlock])[],
  { perBlock, advanceMs }: WindowLayout,
  { from, to, reverse }: Bounds,
): Generator<Row> {
  if (blocks.length === 0) return
  const start = readTimePart(beginning, 0)
  for (let i = 0; i < perBlock; i++) {
    const place = reverse ? perBlock - 1 - i : i
    const time = timePart(start + place * advanceMs)
    if (from !== undefined && time < from.slice(0, TIME_LENGTH)) continue
    if (to !== undefined && time >= to) continue
    // Between the bounds' own times every key is within them.
    const isAtBound = from?.startsWith(time) === true || to?.startsWith(time) === true
    for (const [inner, block] of blocks) {
      if (block.timestamp(place) < 0) continue
      const key = time + inner
      if (isAtBound && ((from !== undefined && key < from) || (to !== undefined && key >= to))) continue
      yield [key, rowAt(block, place) as StoredValue<unknown>]
    }
  }
}

function rowAt(block: WindowBlock, place: number): StoredValue<unknown> | undefined {
  const timestamp = block.timestamp(place)
  return timestamp < 0 ? undefined : { value: block.value(place), timestamp }
}

function isWindow(key: ByteString, { advanceMs }: WindowLayout): boolean {
  return key.length >= TIME_LENGTH && readTimePart(key, 0) % advanceMs === 0
}

function placeOf(key: ByteString, layout: WindowLayout): { blockKey: ByteString; place: number } {
  const start = readTimePart(key, 0)
  const blockStartMs = blockStart(start, layout)
  return {
    blockKey: timePart(blockStartMs) + key.slice(TIME_LENGTH),
    place: (start - blockStartMs) / layout.advanceMs,
  }
}

/** Where the block begins that has the windows of this time. */
export function blockStart(timeMs: number, { advanceMs, perBlock }: WindowLayout): number {
  const spanMs = advanceMs * perBlock
  return Math.floor(timeMs / spanMs) * spanMs
}

const MAX_TIME = Number.MAX_SAFE_INTEGER

/** Of a bound, which may be shorter than a time, and beyond all times. */
function timeOf(bound: ByteString): number {
  if (bound > timePart(MAX_TIME)) return MAX_TIME
  return readTimePart(bound.padEnd(TIME_LENGTH, '\0'), 0)
}
