import assert from 'node:assert/strict'
import { test } from 'node:test'
import { json } from '../../contracts/json.ts'
import type { Codec } from '../../contracts/codec.ts'
import { hashesOf } from './value-hashes.ts'

test('equal values have equal hashes, and an object is encoded once', () => {
  let encoded = 0
  const codec: Codec<unknown> = {
    ...(json() as Codec<unknown>),
    encode(value) {
      encoded++
      return Buffer.from(JSON.stringify(value))
    },
  }
  const value = { city: 'Oslo' }
  const first = hashesOf(codec).of(value)
  assert.ok(hashesOf(codec).of(value).equals(first))
  assert.equal(encoded, 1)
  assert.ok(hashesOf(codec).of({ city: 'Oslo' }).equals(first))
  assert.ok(!hashesOf(codec).of({ city: 'Rome' }).equals(first))
  assert.ok(hashesOf(codec).of('Oslo').equals(hashesOf(codec).of('Oslo')))
})

test('the hash of a value depends on the codec that writes it', () => {
  const value = { city: 'Oslo' }
  const spaced: Codec<unknown> = {
    name: 'spaced',
    encode: object => Buffer.from(JSON.stringify(object, null, 2)),
    decode: bytes => JSON.parse(bytes.toString()),
  }
  assert.ok(!hashesOf(json()).of(value).equals(hashesOf(spaced).of(value)))
})
