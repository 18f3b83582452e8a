import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { string } from '../../src/contracts/codecs.ts'
import {
  keyValueStore,
  lruMap,
  sessionStore,
  versionedStore,
  windowStore,
} from '../../src/streams/dsl/stores.ts'
import type { SessionStore } from '../../src/streams/processors/processor-session-store.ts'
import type { ProcessorStore } from '../../src/streams/processors/processor-store.ts'
import type { VersionedStore } from '../../src/streams/processors/processor-versioned-store.ts'
import type { WindowStore } from '../../src/streams/processors/processor-window-store.ts'
import type { StoreDeclaration } from '../../src/streams/processors/store-declaration.ts'
import type { StateEngine } from '../../src/streams/state/byte-store.ts'
import { LmdbEngine } from '../../src/streams/state/lmdb.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import { Random } from '../format/random.ts'
import { StoreHarness } from './stores-harness.ts'

/*
 * Every kind of store against a plain array or Map that knows nothing of bytes, while the task commits, forgets,
 * restarts and moves: on every engine, from a seed that EVERT_SEED repeats.
 */

const { seed: SEED } = Random.fromEnvironment()

const ENGINES: Record<string, () => StateEngine> = {
  memory: () => new MemoryEngine(),
  lmdb: () => new LmdbEngine(mkdtempSync(join(tmpdir(), 'evert-stores-'))),
}

/** A state that can be copied, and one step that does the same to the store and to it and compares what both say. */
interface Model<S, M> {
  readonly declaration: () => StoreDeclaration<S>
  readonly start: () => M
  readonly step: (store: S, model: M, draw: Random, timestamp: number) => void
  /** Its order is lost with the machine, so it does not move. */
  readonly staysHome?: boolean
}

const KEYS = ['', 'a', 'a\0', 'aa', 'ab', 'abc', 'b', 'é', '世', '😀', 'z']
const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))

const keyValues: Model<ProcessorStore<string, string>, { rows: [string, string][] }> = {
  declaration: () => keyValueStore('s', { key: string, value: string }),
  start: () => ({ rows: [] }),
  step(store, model, draw, timestamp) {
    const key = draw.pick(KEYS)
    const without = model.rows.filter(([each]) => each !== key)
    switch (draw.below(6)) {
      case 0:
      case 1:
      case 2:
        store.put(key, `v${timestamp}`)
        model.rows = [...without, [key, `v${timestamp}`]]
        break
      case 3:
        assert.equal(store.delete(key), model.rows.find(([each]) => each === key)?.[1])
        model.rows = without
        break
      case 4:
        assert.equal(store.get(key), model.rows.find(([each]) => each === key)?.[1])
        break
      default: {
        const [from, to, prefix] = [draw.pick(KEYS), draw.pick(KEYS), draw.pick(KEYS)]
        const kind = draw.below(4)
        const range = [{}, { from }, { from, to }, { prefix }][kind] as { from?: string }
        const reverse = draw.below(2) === 1
        const expected = model.rows
          .filter(([each]) => kind === 0 || kind === 3 || byBytes(each, from) >= 0)
          .filter(([each]) => kind !== 2 || byBytes(each, to) <= 0)
          .filter(([each]) => kind !== 3 || each.startsWith(prefix))
          .toSorted(([a], [b]) => byBytes(a, b))
        assert.deepEqual(
          [...store.entries({ ...range, reverse })],
          reverse ? expected.toReversed() : expected,
        )
      }
    }
  },
}

interface Timed {
  readonly key: string
  readonly start: number
  readonly end: number
  readonly value: string
}

interface TimedModel {
  rows: Timed[]
  greatest: number
}

const RETENTION_MS = 60

const shown = (rows: Iterable<readonly [Omit<Timed, 'value'>, string]>): Timed[] =>
  Array.from(rows, ([{ key, start, end }, value]) => ({ key, start, end, value }))

const byTime = (a: Timed, b: Timed) => a.end - b.end || a.start - b.start || byBytes(a.key, b.key)

const windows: Model<WindowStore<string, string>, TimedModel> = {
  declaration: () => windowStore('s', { key: string, value: string, sizeMs: 10, retentionMs: RETENTION_MS }),
  start: () => ({ rows: [], greatest: -1 }),
  step(store, model, draw, timestamp) {
    const key = draw.pick(KEYS)
    const start = Math.max(0, timestamp - draw.below(80))
    const kept = (row: Timed) => row.start > model.greatest - RETENTION_MS
    if (draw.below(3) < 2) {
      const value = draw.below(4) === 0 ? null : `v${timestamp}`
      store.put(key, value, start)
      model.greatest = Math.max(model.greatest, start)
      model.rows = model.rows.filter(row => row.key !== key || row.start !== start)
      if (value !== null) model.rows.push({ key, start, end: start + 10, value })
      return
    }
    const live = model.rows.filter(kept).toSorted(byTime)
    const [fromMs, toMs] = [start, start + draw.below(40)]
    const reverse = draw.below(2) === 1
    const within = live.filter(row => row.start >= fromMs && row.start <= toMs)
    const ofKey = within.filter(row => row.key === key)
    assert.equal(store.fetch(key, start), live.find(row => row.key === key && row.start === start)?.value)
    assert.deepEqual(shown(store.fetch(key, { fromMs, toMs, reverse })), reverse ? ofKey.toReversed() : ofKey)
    assert.deepEqual(shown(store.fetchAll({ fromMs, toMs, reverse })), reverse ? within.toReversed() : within)
    const above = live.filter(row => byBytes(row.key, key) >= 0)
    assert.deepEqual(shown(store.fetchAll({ from: key })), above)
  },
}

const sessions: Model<SessionStore<string, string>, TimedModel> = {
  declaration: () => sessionStore('s', { key: string, value: string, retentionMs: RETENTION_MS }),
  start: () => ({ rows: [], greatest: -1 }),
  step(store, model, draw, timestamp) {
    const key = draw.pick(KEYS)
    const end = Math.max(0, timestamp - draw.below(80))
    const start = Math.max(0, end - draw.below(5) * 3)
    if (draw.below(3) < 2) {
      const without = model.rows.filter(row => row.key !== key || row.start !== start || row.end !== end)
      if (draw.below(5) === 0) {
        store.remove({ key, start, end })
        model.rows = without
        return
      }
      store.put({ key, start, end }, `v${timestamp}`)
      model.greatest = Math.max(model.greatest, end)
      model.rows = [...without, { key, start, end, value: `v${timestamp}` }]
      return
    }
    const live = model.rows.filter(row => row.end > model.greatest - RETENTION_MS).toSorted(byTime)
    const reverse = draw.below(2) === 1
    const [earliestEndMs, latestStartMs] = [end, end + draw.below(30)]
    const found = live.filter(
      row => row.key === key && row.end >= earliestEndMs && row.start <= latestStartMs,
    )
    assert.deepEqual(
      shown(store.findSessions(key, { earliestEndMs, latestStartMs, reverse })),
      reverse ? found.toReversed() : found,
    )
    assert.equal(
      store.fetchSession(key, start, end),
      live.find(row => row.key === key && row.start === start && row.end === end)?.value,
    )
    const within = live.filter(row => row.end >= end && row.end <= end + 20)
    assert.deepEqual(
      shown(store.fetchAll({ fromMs: end, toMs: end + 20, reverse })),
      reverse ? within.toReversed() : within,
    )
  },
}

interface Put {
  readonly key: string
  readonly value: string | null
  readonly timestamp: number
}

const versions: Model<VersionedStore<string, string>, { puts: Put[]; greatest: number }> = {
  declaration: () => versionedStore('s', { key: string, value: string, historyRetentionMs: RETENTION_MS }),
  start: () => ({ puts: [], greatest: -1 }),
  step(store, model, draw, now) {
    const key = draw.pick(KEYS)
    const timestamp = Math.max(0, now - draw.below(90))
    if (draw.below(3) < 2) {
      const value = draw.below(4) === 0 ? null : `v${now}`
      const outcome = store.put(key, value, timestamp)
      assert.equal(outcome === 'expired', timestamp < model.greatest - RETENTION_MS)
      if (outcome === 'expired') return
      model.greatest = Math.max(model.greatest, timestamp)
      model.puts = model.puts.filter(put => put.key !== key || put.timestamp !== timestamp)
      model.puts.push({ key, value, timestamp })
      return
    }
    const puts = model.puts.filter(put => put.key === key).toSorted((a, b) => a.timestamp - b.timestamp)
    const latest = puts.at(-1)
    assert.equal(store.get(key)?.value, latest?.value ?? undefined)
    const valid = puts.findLast(put => put.timestamp <= timestamp)
    const isKnown = timestamp >= model.greatest - RETENTION_MS || valid === latest
    assert.equal(store.get(key, timestamp)?.value, isKnown ? (valid?.value ?? undefined) : undefined)
    const known = puts
      .map((put, i) => ({ ...put, validToMs: puts[i + 1]?.timestamp }))
      .filter(
        ({ value, validToMs = Infinity }) => value !== null && validToMs > model.greatest - RETENTION_MS,
      )
    assert.deepEqual(
      Array.from(store.history(key), each => [each.value, each.timestamp, each.validToMs]),
      known.map(each => [each.value, each.timestamp, each.validToMs]),
    )
  },
}

const MAX_ENTRIES = 4

const recents: Model<ProcessorStore<string, string>, { rows: Map<string, string> }> = {
  declaration: () => lruMap('s', { key: string, value: string, maxEntries: MAX_ENTRIES }),
  start: () => ({ rows: new Map() }),
  staysHome: true,
  step(store, { rows }, draw, timestamp) {
    const key = draw.pick(KEYS)
    switch (draw.below(4)) {
      case 0: {
        const value = rows.get(key)
        assert.equal(store.get(key), value)
        if (value !== undefined) {
          rows.delete(key)
          rows.set(key, value)
        }
        break
      }
      case 1:
        store.put(key, null)
        rows.delete(key)
        break
      default:
        store.put(key, `v${timestamp}`)
        rows.delete(key)
        rows.set(key, `v${timestamp}`)
        if (rows.size > MAX_ENTRIES) rows.delete(rows.keys().next().value as string)
    }
    assert.deepEqual(
      [...store.entries()],
      [...rows].toSorted(([a], [b]) => byBytes(a, b)),
    )
  },
}

async function follow<S, M>(model: Model<S, M>, engine: () => StateEngine, seed: number): Promise<void> {
  const draw = new Random(seed)
  const engines = [engine()]
  const store = new StoreHarness(model.declaration(), engines[0] as StateEngine)
  let state = model.start()
  let committed = structuredClone(state)
  for (let i = 0; i < 600; i++) {
    const timestamp = i + draw.below(5)
    store.run(timestamp, opened => model.step(opened, state, draw, timestamp))
    switch (draw.below(20)) {
      case 0:
      case 1:
      case 2:
        store.commit()
        committed = structuredClone(state)
        break
      case 3:
        store.rollback()
        state = structuredClone(committed)
        break
      case 4:
        await store.restart()
        state = structuredClone(committed)
        break
      case 5: {
        if (model.staysHome === true || draw.below(4) > 0) break
        const next = engine()
        engines.push(next)
        await store.moveTo(next)
        state = structuredClone(committed)
        break
      }
      default:
    }
  }
  await store.close()
  for (const each of engines) await each.close()
}

for (const [name, engine] of Object.entries(ENGINES)) {
  test(`${name}: a key-value store is a sorted list (EVERT_SEED=${SEED})`, () =>
    follow(keyValues, engine, SEED))
  test(`${name}: a window store is a list of windows (EVERT_SEED=${SEED})`, () =>
    follow(windows, engine, SEED))
  test(`${name}: a session store is a list of sessions (EVERT_SEED=${SEED})`, () =>
    follow(sessions, engine, SEED))
  test(`${name}: a versioned store is a list of puts (EVERT_SEED=${SEED})`, () =>
    follow(versions, engine, SEED))
  test(`${name}: a bounded store is a Map in order of use (EVERT_SEED=${SEED})`, () =>
    follow(recents, engine, SEED))
}
