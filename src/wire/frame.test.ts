import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  decodeCorrelationId,
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  encodeResponse,
} from './frame.ts'
import { apiVersions } from './messages/api-versions.ts'
import { heartbeat } from './messages/heartbeat.ts'
import { Reader } from './reader.ts'

const hex = (pieces: Buffer[]) => Buffer.concat(pieces).toString('hex')
/** Spaces between the fields are for the reader. */
const compact = (spaced: string) => spaced.replaceAll(' ', '')
const response = { throttleTimeMs: 1, errorCode: 27 }
const request = { groupId: 'g', generationId: 5, memberId: 'm' }

test('a flexible version has tagged fields in both headers, an older one in none', () => {
  assert.equal(
    hex(encodeRequest(heartbeat, 4, 258, 'me', request)),
    '00000017' +
      '000c' +
      '0004' +
      '00000102' +
      '00026d65' +
      '00' +
      '0267' +
      '00000005' +
      '026d' +
      '00' +
      '00',
  )
  assert.equal(
    hex(encodeRequest(heartbeat, 0, 258, null, request)),
    compact('00000014 000c 0000 00000102 ffff 000167 00000005 00016d'),
  )
  assert.equal(
    hex(encodeResponse(heartbeat, 4, 258, response)),
    compact('0000000c 00000102 00 00000001 001b 00'),
  )
  assert.equal(hex(encodeResponse(heartbeat, 3, 258, response)), compact('0000000a 00000102 00000001 001b'))
})

test('an ApiVersions response has the old header in flexible versions too', () => {
  const pieces = encodeResponse(apiVersions, 3, 1, { errorCode: 0, apiKeys: [], throttleTimeMs: 0 })
  assert.equal(hex(pieces), compact('0000000c 00000001 0000 01 00000000 00'))
  const reader = new Reader(Buffer.concat(pieces), 4)
  assert.equal(decodeCorrelationId(reader), 1)
  assert.deepEqual(decodeResponse(apiVersions, 3, reader).apiKeys, [])
})

test('tagged fields in a header are skipped', () => {
  const taggedFields = '01 05 02 cafe'
  const header = `000c 0004 00000102 ffff ${taggedFields}`
  const reader = new Reader(Buffer.from(compact(`${header} 0267 00000005 026d 00 00`), 'hex'))
  assert.equal(decodeRequestHeader(reader).clientId, null)
  assert.equal(decodeRequest(heartbeat, 4, reader).groupId, 'g')
})

test('bytes after the message are refused', () => {
  const bytes = Buffer.concat([...encodeResponse(heartbeat, 3, 258, response), Buffer.alloc(2)])
  const reader = new Reader(bytes, 8)
  assert.throws(() => decodeResponse(heartbeat, 3, reader), {
    code: 'MALFORMED_BYTES',
    message: /2 bytes after the Heartbeat message/,
  })
})

test('a request header that is cut off is malformed', () => {
  const whole = Buffer.concat(encodeRequest(heartbeat, 0, 258, 'me', request)).subarray(4)
  for (let length = 0; length < 12; length++) {
    const reader = new Reader(Buffer.from(whole.subarray(0, length)))
    assert.throws(() => decodeRequestHeader(reader), { code: 'MALFORMED_BYTES' })
  }
})
