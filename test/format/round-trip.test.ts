import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isEvertError } from '../../src/errors.ts'
import type { Fields, MessageInput } from '../../src/wire/field.ts'
import type { Codec } from '../../src/wire/message.ts'
import { Reader } from '../../src/wire/reader.ts'
import { Writer } from '../../src/wire/writer.ts'
import { everyApi } from './fixture.ts'
import { Random } from './random.ts'
import { randomMessage } from './random-message.ts'

const MESSAGES_PER_VERSION = 4
const FLIPS_PER_MESSAGE = 40

const random = Random.fromEnvironment()
const apis = await everyApi()

/** Calls back for random messages of every API, direction and version; a failure names them and the seed. */
function forEveryMessage(
  check: (codec: Codec<Fields>, version: number, message: MessageInput<Fields>) => void,
): void {
  for (const api of apis) {
    for (const direction of ['request', 'response'] as const) {
      for (let version = api.versions[0]; version <= api.versions[1]; version++) {
        for (let round = 0; round < MESSAGES_PER_VERSION; round++) {
          const codec = api[direction]
          const message = randomMessage(random, codec.fields, version) as MessageInput<Fields>
          try {
            check(codec, version, message)
          } catch (cause) {
            const name = `${api.name} ${direction} v${version}`
            throw new Error(`${name}, EVERT_SEED=${random.seed}`, { cause })
          }
        }
      }
    }
  }
}

test(`random messages come back as they were sent, in every version (EVERT_SEED=${random.seed})`, () => {
  forEveryMessage((codec, version, message) => {
    const bytes = encode(codec, version, message)
    const reader = new Reader(bytes)
    const decoded = codec.decode(reader, version)
    assert.equal(reader.remaining, 0)
    assert.deepEqual(decoded, codec.complete(message))
    assert.deepEqual(encode(codec, version, decoded), bytes)
  })
})

test(`a message cut off at any byte is refused as malformed (EVERT_SEED=${random.seed})`, () => {
  forEveryMessage((codec, version, message) => {
    const bytes = encode(codec, version, message)
    const step = Math.max(1, Math.floor(bytes.length / 2000))
    for (let length = 0; length < bytes.length; length += step) {
      const cut = Buffer.from(bytes.subarray(0, length))
      assert.throws(() => codec.decode(new Reader(cut), version), { code: 'MALFORMED_BYTES' })
    }
  })
})

test(`a damaged message is refused as malformed, or can be sent again (EVERT_SEED=${random.seed})`, () => {
  let refused = 0
  let accepted = 0
  forEveryMessage((codec, version, message) => {
    const bytes = encode(codec, version, message)
    if (bytes.length === 0) return
    for (let round = 0; round < FLIPS_PER_MESSAGE; round++) {
      const damaged = Buffer.from(bytes)
      for (let flips = 1 + random.below(3); flips > 0; flips--) {
        damaged[random.below(damaged.length)] = random.oneIn(3) ? 0xff : random.below(256)
      }
      try {
        encode(codec, version, codec.decode(new Reader(damaged), version))
        accepted++
      } catch (error) {
        if (!isEvertError(error, 'MALFORMED_BYTES')) throw error
        refused++
      }
    }
  })
  assert.ok(refused > 1000 && accepted > 1000, `${refused} refused, ${accepted} accepted`)
})

function encode(codec: Codec<Fields>, version: number, message: MessageInput<Fields>): Buffer {
  const writer = new Writer()
  codec.encode(writer, message, version)
  const { sizeBytes } = writer
  const bytes = Buffer.concat(writer.finish())
  assert.equal(bytes.length, sizeBytes)
  return bytes
}
