import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OrderedKeys } from './ordered-keys.ts'

test('an ordered set equals a sorted array after any adds and deletes', () => {
  let state = 7
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % below
  }
  const plain = new Set(Array.from({ length: 3_000 }, () => `k${random(10_000)}`))
  const keys = new OrderedKeys([...plain])
  for (let i = 0; i < 20_000; i++) {
    const key = `k${random(10_000)}`
    // Grows for a while, then shrinks to nothing: blocks split and disappear.
    if (random(10) < (i < 10_000 ? 7 : 2)) {
      plain.add(key)
      keys.add(key)
    } else {
      plain.delete(key)
      keys.delete(key)
    }
    if (i % 500 !== 0) continue
    const sorted = [...plain].toSorted()
    assert.equal(keys.size, sorted.length)
    assert.deepEqual([...keys.range(undefined, undefined)], sorted)
    const [from, to] = [`k${random(10_000)}`, `k${random(10_000)}`]
    const between = sorted.filter(each => each >= from && each < to)
    assert.deepEqual([...keys.range(from, to)], between)
    assert.deepEqual([...keys.range(from, to, true)], between.toReversed())
  }
  for (const key of plain) keys.delete(key)
  assert.deepEqual([...keys.range(undefined, undefined)], [])
})
