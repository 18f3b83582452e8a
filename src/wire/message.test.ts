import assert from 'node:assert/strict'
import { test } from 'node:test'
import { array, bytes, int32, int64, string, struct } from './field.ts'
import { codec } from './message.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

const FLEXIBLE = 2
const greeting = codec(
  'Greeting',
  {
    name: string(),
    nickname: string({ versions: '1+', nullable: '1+', default: null }),
    volume: int32({ versions: '1+', default: 3, ignorable: true }),
    guests: array({ name: string() }, { versions: '1+' }),
    mood: string({ versions: '2+', tag: 0, default: 'fine' }),
    place: struct(
      { city: string({ default: '' }), room: int32({ default: -1 }) },
      { versions: '2+', tag: 1 },
    ),
    at: int64({ default: 0 }),
  },
  FLEXIBLE,
)

/** Spaces between the fields are for the reader. */
const compact = (spaced: string) => spaced.replaceAll(' ', '')

function encoded(version: number, message: Parameters<typeof greeting.encode>[1]): string {
  const writer = new Writer()
  greeting.encode(writer, message, version)
  return Buffer.concat(writer.finish()).toString('hex')
}

const decoded = (version: number, hex: string) =>
  greeting.decode(new Reader(Buffer.from(compact(hex), 'hex')), version)

test('a field that a version cannot carry is refused when it is set, unless it may be dropped', () => {
  assert.equal(encoded(0, { name: 'a', volume: 9 }), compact('000161 0000000000000000'))
  assert.equal(encoded(0, { name: 'a', guests: [], nickname: null }), compact('000161 0000000000000000'))
  for (const message of [
    { nickname: 'x' },
    { guests: [{ name: 'b' }] },
    { mood: 'sad' },
    { place: { room: 1 } },
  ]) {
    assert.throws(() => encoded(0, { name: 'a', ...message }), {
      code: 'UNSUPPORTED_VERSION',
      message: /Greeting v0 cannot carry \w+; leave it out or use a version of/,
    })
  }
})

test('fields that are left out, or not carried, have their defaults', () => {
  const message = decoded(0, '000161 0000000000000005')
  assert.deepEqual(message, {
    name: 'a',
    nickname: null,
    volume: 3,
    guests: [],
    mood: 'fine',
    place: { city: '', room: -1 },
    at: 5,
  })
  assert.deepEqual(greeting.complete({ name: 'a', at: 5 }), message)
})

test('tagged fields are sent in order of their tags, and only when they are not the default', () => {
  const start = '0261 00 00000003 01 0000000000000000'
  assert.equal(encoded(2, { name: 'a', mood: 'fine', place: { city: '', room: -1 } }), compact(`${start} 00`))
  assert.equal(
    encoded(2, { name: 'a', place: { room: 1 }, mood: 'sad' }),
    compact(`${start} 02 00 04 04736164 01 06 01 00000001 00`),
  )
})

test('an unknown tagged field is skipped; one that lies about its size is malformed', () => {
  const start = '0261 00 00000003 01 0000000000000000'
  assert.equal(decoded(2, `${start} 01 63 02 cafe`).mood, 'fine')
  assert.throws(() => decoded(2, `${start} 01 00 05 04736164 00`), {
    code: 'MALFORMED_BYTES',
    message: /Greeting\.mood does not fill its 5 bytes/,
  })
  assert.throws(() => decoded(2, `${start} ffffffff0f`), { code: 'MALFORMED_BYTES' })
})

test('null where none may be is refused both ways', () => {
  assert.throws(() => decoded(0, 'ffff 0000000000000000'), {
    code: 'MALFORMED_BYTES',
    message: /Greeting\.name is null/,
  })
  assert.throws(() => encoded(0, { name: null as unknown as string }), { code: 'UNSUPPORTED_VERSION' })
})

test('strings longer than the protocol allows are refused both ways', () => {
  assert.equal(decoded(2, encoded(2, { name: 'x'.repeat(32767) })).name.length, 32767)
  assert.throws(() => encoded(2, { name: 'é'.repeat(16384) }), {
    code: 'INVALID_ARGUMENT',
    message: /Greeting\.name has 32768 bytes/,
  })
  const tooLong = '818002 78'.repeat(32768)
  assert.throws(() => decoded(2, tooLong), { code: 'MALFORMED_BYTES', message: /claims 32768 bytes/ })
})

test('an array cannot claim more elements than bytes are left', () => {
  assert.throws(() => decoded(1, '000161 ffff 00000003 7fffffff 00'), {
    code: 'MALFORMED_BYTES',
    message: /Greeting\.guests claims 2147483647 elements/,
  })
})

test('a default that decoded messages share cannot be changed', () => {
  const { guests, place } = decoded(0, '000161 0000000000000005')
  assert.throws(() => guests.push({ name: 'b' }), TypeError)
  assert.throws(() => Object.assign(place, { room: 2 }), TypeError)
  assert.deepEqual(decoded(0, '000161 0000000000000005').guests, [])
})

test('bytes are slices of what was read', () => {
  const blob = codec('Blob', { data: bytes() }, 9)
  const buffer = Buffer.from('00000002cafe', 'hex')
  const { data } = blob.decode(new Reader(buffer), 0)
  buffer.fill(0)
  assert.equal(data.toString('hex'), '0000')
})
