import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32c } from './crc32c.ts'

test('the checksum is CRC-32C, by its published check values', () => {
  const cases: [Buffer, number][] = [
    [Buffer.from('123456789'), 0xe3069283],
    [Buffer.alloc(32), 0x8a9136aa],
    [Buffer.alloc(32, 0xff), 0x62a8ab43],
    [Buffer.alloc(0), 0],
  ]
  for (const [bytes, checksum] of cases) assert.equal(crc32c(bytes), checksum)
})

test('a range is summed without what lies around it', () => {
  assert.equal(crc32c(Buffer.from('xx123456789yyy'), 2, 11), 0xe3069283)
  assert.equal(crc32c(Buffer.from('xx123456789'), 2), 0xe3069283)
})
