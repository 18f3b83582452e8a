import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

test('large bytes are passed on, not copied; small ones are copied', () => {
  const writer = new Writer()
  const [large, small] = [Buffer.alloc(4096, 'L'), Buffer.from('small')]
  writer.int32(1)
  writer.bytes(small)
  writer.bytes(large)
  writer.int32(2)
  assert.equal(writer.sizeBytes, 4 + small.length + large.length + 4)
  small.fill(0)
  const pieces = writer.finish()
  assert.equal(pieces.length, 3)
  assert.equal(pieces[0]?.toString('latin1'), '\0\0\0\x01small')
  assert.equal(pieces[1], large)
  assert.equal(pieces[2]?.toString('hex'), '00000002')
})

test('the buffer grows, also after a cut', () => {
  const writer = new Writer()
  const texts: string[] = []
  for (let index = 0; index < 200; index++) {
    const text = String(index).repeat(index)
    texts.push(text)
    writer.int32(text.length)
    writer.string(text, text.length)
    if (index % 50 === 49) writer.bytes(Buffer.alloc(5000, 'x'))
  }
  const { sizeBytes } = writer
  const bytes = Buffer.concat(writer.finish())
  assert.equal(bytes.length, sizeBytes)
  const reader = new Reader(bytes)
  texts.forEach((text, index) => {
    assert.equal(reader.string(reader.int32()), text)
    if (index % 50 === 49) reader.skip(5000)
  })
  assert.equal(reader.remaining, 0)
})

test('64-bit integers are written exactly, the largest for 2^63', () => {
  const cases: [number, string][] = [
    [-1, 'ffffffffffffffff'],
    [Number.MAX_SAFE_INTEGER, '001fffffffffffff'],
    [Number.MIN_SAFE_INTEGER, 'ffe0000000000001'],
    [-(2 ** 32), 'ffffffff00000000'],
    [2 ** 63, '7fffffffffffffff'],
  ]
  for (const [value, hex] of cases) {
    const writer = new Writer()
    writer.int64(value)
    assert.equal(Buffer.concat(writer.finish()).toString('hex'), hex)
  }
  assert.throws(() => new Writer().int64(2 ** 53), /is not a safe integer/)
  assert.throws(() => new Writer().int64(0.5), /is not a safe integer/)
})

test('a topic id is 16 bytes in base64url, and nothing else', () => {
  const writer = new Writer()
  writer.uuid('-rarz7Z1cA60xzi0e1s-yA')
  assert.equal(Buffer.concat(writer.finish()).toString('hex'), 'fab6abcfb675700eb4c738b47b5b3ec8')
  assert.throws(() => new Writer().uuid('orders'), /is not a topic id/)
})
