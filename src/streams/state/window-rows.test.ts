import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../../contracts/codecs.ts'
import { seededRandom } from '../../internal/random.ts'
import type { ByteString } from './byte-store.ts'
import { timePart } from './key-parts.ts'
import { MemoryEngine } from './memory.ts'
import type { KeyValueStore } from './store.ts'
import type { StoreObserver } from './store-observer.ts'
import { TaskStores } from './task-stores.ts'
import { WindowBlockCodec } from './window-blocks.ts'

const ADVANCE_MS = 10
const inBlocks = new WindowBlockCodec({ advanceMs: ADVANCE_MS, perBlock: 4 }, string)
const nowhere = { collect() {} }

/** Told of the same changes as another one, it must come to the same table. */
class Told implements StoreObserver<unknown> {
  readonly version = '1'
  readonly stores = []
  readonly rows = new Map<ByteString, unknown>()

  changed(
    key: ByteString,
    old: { value: unknown; timestamp: number } | undefined,
    now: { value: unknown; timestamp: number } | undefined,
  ): void {
    assert.deepEqual(this.rows.get(key), old)
    if (now === undefined) this.rows.delete(key)
    else this.rows.set(key, now)
  }

  takeWrites() {
    return []
  }

  discard() {}
}

const seed = Number(process.env.EVERT_SEED ?? Math.floor(Math.random() * 2 ** 31))

test(`windows in blocks read, range and tell as rows by themselves do (EVERT_SEED=${seed})`, () => {
  const random = seededRandom(seed)
  const upTo = (most: number) => Math.floor(random() * (most + 1))
  const stores = new TaskStores(new MemoryEngine().openTask('0_0'), { cachedValues: 1 })
  const plain = stores.open({ name: 'plain', value: string, changelog: undefined })
  stores.open({ name: 'blocks', value: inBlocks, changelog: undefined })
  const blocks: KeyValueStore<string> = stores.keyValue('blocks')
  const told = { plain: new Told(), blocks: new Told() }
  stores.observe('plain', told.plain)
  stores.observe('blocks', told.blocks)

  const keyAt = (time: number) => timePart(time) + ['', 'a', 'ab', '\xff'][upTo(3)]
  const bound = () => [undefined, keyAt(upTo(300)), keyAt(upTo(30) * ADVANCE_MS), '\0\0', '\xff\xff'][upTo(4)]
  for (let step = 0; step < 400; step++) {
    const key = keyAt(upTo(30) * ADVANCE_MS)
    const value = random() < 0.3 ? null : `v${step}`
    plain.put(key, value, step)
    blocks.put(key, value, step)
    if (random() < 0.1) {
      stores.writeChangelog(nowhere)
      stores.commit({})
      assert.deepEqual(told.blocks.rows, told.plain.rows)
      assert.deepEqual(
        [...stores.committed('blocks').range()],
        [...stores.committed('plain').range()],
        'committed',
      )
    }
    const [from, to] = [bound(), bound()]
    const options = { reverse: random() < 0.5 }
    assert.deepEqual([...blocks.range(from, to, options)], [...plain.range(from, to, options)])
    const asked = keyAt(upTo(300))
    assert.deepEqual(blocks.get(asked), plain.get(asked))
    assert.deepEqual(blocks.get(asked.slice(0, 5)), undefined)
  }
})
