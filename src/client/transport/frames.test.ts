import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isEvertError } from '../../errors.ts'
import { FrameReader } from './frames.ts'

const stream = Buffer.from('00000003616263000000000000000564656667680000000169', 'hex')

for (const chunkBytes of [1, 2, 3, 5, 7, stream.length]) {
  test(`frames are the same when the stream comes in chunks of ${chunkBytes}`, () => {
    const frames: string[] = []
    const reader = new FrameReader(100, frame => frames.push(String(frame)))
    for (let at = 0; at < stream.length; at += chunkBytes) reader.push(stream.subarray(at, at + chunkBytes))
    assert.deepEqual(frames, ['abc', '', 'defgh', 'i'])
  })
}

for (const [what, hex] of [
  ['negative', 'ffffffff'],
  ['above the limit', '00000065'],
  ['an HTTP answer', '48545450'],
] as const) {
  test(`a length that is ${what} ends the stream`, () => {
    const reader = new FrameReader(100, () => assert.fail('no frame'))
    assert.throws(
      () => reader.push(Buffer.from(hex, 'hex')),
      error => isEvertError(error, 'MALFORMED_BYTES'),
    )
  })
}
