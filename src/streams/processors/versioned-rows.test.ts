import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../../contracts/codecs.ts'
import { MemoryEngine } from '../state/memory.ts'
import { TaskStores } from '../state/task-stores.ts'
import { type Version, VersionedRows, versionCodec } from './versioned-rows.ts'

/** All versions that were ever put, by key and time. */
class Model {
  readonly #versions = new Map<string, Map<number, string | null>>()
  readonly #retentionMs: number
  #streamTime = -1

  constructor(retentionMs: number) {
    this.#retentionMs = retentionMs
  }

  put(key: string, value: string | null, timestamp: number): string {
    if (timestamp < this.#streamTime - this.#retentionMs) return 'expired'
    this.#streamTime = Math.max(this.#streamTime, timestamp)
    const versions = this.#versions.get(key) ?? new Map<number, string | null>()
    this.#versions.set(key, versions.set(timestamp, value))
    return Math.max(...versions.keys()) === timestamp ? 'latest' : 'superseded'
  }

  get(key: string, asOf: number): string | null {
    const versions = [...(this.#versions.get(key) ?? [])].toSorted(([a], [b]) => a - b)
    const at = versions.findLast(([timestamp]) => timestamp <= asOf)
    if (at === undefined) return null
    return asOf >= this.#streamTime - this.#retentionMs || at === versions.at(-1) ? at[1] : null
  }
}

test('rows are what they were at each time, in whatever order they came', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const retentionMs = [0, 3, 50, 400][seed % 4] as number
    const task = new MemoryEngine().openTask('0_0')
    const stores = new TaskStores(task)
    const latest = stores.open<unknown>({ name: 'rows', value: string, changelog: undefined })
    const history = stores.open<Version>({
      name: 'history',
      value: versionCodec(string),
      changelog: undefined,
    })
    const rows = new VersionedRows(latest, history, retentionMs)
    const model = new Model(retentionMs)
    let state = seed
    const random = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    let now = 0
    for (let i = 0; i < 600; i++) {
      now += random(10) === 0 ? random(retentionMs + 30) : random(4)
      const key = 'abc'[random(3)] as string
      const timestamp = Math.max(0, now - (random(3) === 0 ? random(retentionMs + 20) : 0))
      const value = random(4) === 0 ? null : `v${i}`
      const where = `seed ${seed}, step ${i}: ${key} ${timestamp} ${value}`
      assert.equal(rows.put(key, value, timestamp), model.put(key, value, timestamp), where)
      for (let n = 0; n < 4; n++) {
        const asOf = Math.max(0, now + 5 - random(retentionMs + 40))
        const read = 'abc'[random(3)] as string
        assert.equal(
          rows.get(read, asOf)?.value ?? null,
          model.get(read, asOf),
          `${where}; ${read} as of ${asOf}`,
        )
      }
      if (random(50) === 0) {
        stores.writeChangelog({ collect() {} })
        stores.commit({})
      }
    }
  }
})

test('the bytes of a version are a mark and its value', () => {
  const codec = versionCodec(string)
  assert.deepEqual(codec.encode({ value: 'a' }), Buffer.from([1, 0x61]))
  assert.deepEqual(codec.encode({ value: null }), Buffer.from([0]))
  for (const version of [{ value: 'a' }, { value: '' }, { value: null }])
    assert.deepEqual(codec.decode(codec.encode(version)), version)
  assert.throws(() => codec.decode(Buffer.alloc(0)), { code: 'MALFORMED_BYTES' })
})
