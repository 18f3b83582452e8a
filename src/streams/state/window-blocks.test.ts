import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytes, string } from '../../contracts/codecs.ts'
import { WindowBlock, WindowBlockCodec } from './window-blocks.ts'

const layout = { advanceMs: 1_000, perBlock: 8 }
const codec = new WindowBlockCodec(layout, string)

function blockOf(rows: Readonly<Record<number, readonly [string, number]>>): WindowBlock<string> {
  const block = WindowBlock.empty<string>(layout.perBlock)
  for (const [place, [value, timestamp]] of Object.entries(rows)) block.set(Number(place), value, timestamp)
  return block
}

function rowsOf(block: WindowBlock<string>): unknown[] {
  return Array.from({ length: block.windows }, (_, place) =>
    block.timestamp(place) < 0 ? undefined : [block.value(place), block.timestamp(place)],
  )
}

test('a block is written byte by byte as its table says', () => {
  const written = codec.encode(blockOf({ 2: ['ab', 5], 4: ['c', 2 ** 41] }))
  assert.equal(
    written.toString('hex'),
    [
      '01080203',
      '408f400000000000',
      '401400000000000000000002',
      'bff000000000000000000002',
      '428000000000000000000003',
      '616263',
    ].join(''),
  )
})

test('what is written is read back, gaps and empty values included', () => {
  for (const rows of [
    {},
    { 0: ['', 0] },
    { 0: ['a', 1], 7: ['h', 8] },
    { 3: ['', 9], 4: ['x'.repeat(5_000), 9] },
  ] as const) {
    const block = blockOf(rows)
    const read = codec.decode(codec.encode(block))
    assert.deepEqual(rowsOf(read), rowsOf(block))
    assert.equal(read.isEmpty, Object.keys(rows).length === 0)
  }
})

test('a value that nobody asked for is written back as it came, undecoded', () => {
  let decoded = 0
  const counting = new WindowBlockCodec(layout, {
    ...bytes,
    decode(slice) {
      decoded++
      return bytes.decode(slice)
    },
  })
  const block = WindowBlock.empty<Buffer>(8)
  for (let place = 1; place < 6; place++) block.set(place, Buffer.from(`value ${place}`), place)
  const changed = counting.decode(counting.encode(block)).copy()
  changed.set(2, Buffer.from('another'), 20)
  changed.remove(5)
  const read = counting.decode(counting.encode(changed))
  assert.equal(decoded, 0)
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5].map(place => read.value(place)?.toString()),
    [undefined, 'value 1', 'another', 'value 3', 'value 4', undefined],
  )
  assert.equal(decoded, 4)
})

test('a copy leaves the block as it was', () => {
  const block = blockOf({ 1: ['a', 1] })
  const copy = block.copy()
  copy.set(1, 'b', 2)
  copy.remove(0)
  assert.deepEqual(rowsOf(block)[1], ['a', 1])
})

test('a block keeps the buffer of its own, not that of the engine', () => {
  const written = codec.encode(blockOf({ 1: ['a', 1] }))
  const read = codec.decode(written)
  written.fill(0)
  assert.equal(read.value(1), 'a')
})

test('what was kept with other windows, or is no block, is refused with words', () => {
  const other = new WindowBlockCodec({ advanceMs: 500, perBlock: 8 }, string)
  assert.throws(() => other.decode(codec.encode(blockOf({ 1: ['a', 1] }))), {
    code: 'MALFORMED_BYTES',
    message: /8 windows to a row, one every 1000 ms; the topology now has 8, one every 500 ms/,
  })
  assert.throws(() => codec.decode(Buffer.from('{"a":1}')), { code: 'MALFORMED_BYTES' })
})
