import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Codec } from '../../contracts/codec.ts'
import { Cell, cellOf } from './cell.ts'

function countingCodec(): Codec<unknown> & { calls: string[] } {
  const calls: string[] = []
  return {
    calls,
    name: 'counting',
    encode(value) {
      calls.push('encode')
      return Buffer.from(String(value))
    },
    decode(bytes) {
      calls.push('decode')
      return bytes.toString()
    },
  }
}

test('a moved cell keeps its bytes and is never decoded', () => {
  const codec = countingCodec()
  const bytes = Buffer.from('abc')
  const cell = Cell.ofBytes(bytes, codec)
  assert.equal(cell.bytesAs(codec), bytes)
  assert.equal(cell.byteString, 'abc')
  assert.deepEqual(codec.calls, [])
})

test('a cell is decoded once and encoded once', () => {
  const codec = countingCodec()
  const read = Cell.ofBytes(Buffer.from('abc'), codec)
  assert.deepEqual([read.value, read.value], ['abc', 'abc'])
  const made = Cell.ofValue(7, codec)
  assert.equal(made.bytes, made.bytes)
  assert.deepEqual(codec.calls, ['decode', 'encode'])
})

test('another codec gets the value, not the bytes', () => {
  const target = countingCodec()
  const cell = Cell.ofBytes(Buffer.from('abc'), countingCodec())
  assert.equal(cell.bytesAs(target).toString(), 'abc')
  assert.deepEqual(target.calls, ['encode'])
})

test('bytes above 127 survive as a store key', () => {
  const bytes = Buffer.from([0, 127, 128, 255])
  assert.deepEqual(Buffer.from(Cell.ofBytes(bytes, countingCodec()).byteString, 'latin1'), bytes)
})

test('null and undefined are the absence of a cell', () => {
  assert.equal(cellOf(null, countingCodec()), null)
  assert.equal(cellOf(undefined, countingCodec()), null)
  assert.equal(cellOf(0, countingCodec())?.value, 0)
})
