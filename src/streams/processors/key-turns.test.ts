import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeyTurns } from './key-turns.ts'

test('records of one key take turns, others do not wait for them', () => {
  const turns = new KeyTurns()
  turns.add(1, 'a')
  turns.add(2, 'a')
  turns.add(3, 'b')
  turns.add(4, 'a')
  assert.deepEqual([turns.next(), turns.next(), turns.next()], [1, 3, undefined])
  turns.end('a')
  assert.deepEqual([turns.next(), turns.next()], [2, undefined])
  turns.end('b')
  turns.end('a')
  assert.deepEqual([turns.next(), turns.next()], [4, undefined])
  assert.equal(turns.size, 1)
  turns.end('a')
  assert.equal(turns.size, 0)
  turns.add(5, 'a')
  assert.equal(turns.next(), 5, 'a key begins anew')
})

test('records without a key wait for nobody', () => {
  const turns = new KeyTurns()
  turns.add(1, null)
  turns.add(2, null)
  assert.deepEqual([turns.next(), turns.next()], [1, 2])
  turns.end(null)
  turns.end(null)
  assert.equal(turns.size, 0)
})
