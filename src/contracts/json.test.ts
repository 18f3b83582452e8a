import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { z } from 'zod'
import { json } from './json.ts'
import { type InvalidValueError, validate } from './schema.ts'

const Order = z.strictObject({
  id: z.string(),
  lines: z.array(z.strictObject({ price: z.number() })).default([]),
  note: z.string().optional(),
})

test('values pass through JSON', () => {
  const codec = json()
  for (const value of [null, true, 'é\u2028"', -1.5, [], {}, { a: [{ b: null }] }]) {
    assert.deepEqual(codec.decode(codec.encode(value)), value)
  }
})

test('what the schema lets out is what is written and returned', () => {
  const codec = json(Order)
  assert.equal(codec.encode({ id: '1', lines: [] }).toString(), '{"id":"1","lines":[]}')
  assert.deepEqual(codec.decode(Buffer.from('{"id":"1"}')), { id: '1', lines: [] })
})

/** Text that a schema or the format refuses, and what the error says. */
const refused: [text: string, message: RegExp, field?: string][] = [
  ['{"id":1}', /the JSON value: field "id": .*expected string.*\(found number 1\)/, 'id'],
  [
    '{"id":"1","lines":[{"price":1},{"price":"2"}]}',
    /field "lines\[1\]\.price".*found "2"/,
    'lines[1].price',
  ],
  ['{}', /field "id".*found nothing/, 'id'],
  ['{"id":"1","colour":"red"}', /field "colour".*found "red"/, 'colour'],
  ['[]', /found an array of 0/, ''],
  ['null', /found null/, ''],
  ['', /not JSON/, ''],
  ['{"id":"1"', /not JSON/, ''],
  ['{"id":"1"} x', /not JSON/, ''],
  ['\ufeff{"id":"1"}', /not JSON/, ''],
  ["{'id':1}", /not JSON/, ''],
  ['NaN', /not JSON/, ''],
  ['{"id":"1","__proto__":{"admin":true}}', /key "__proto__"/, ''],
  ['{"id":"1","\\u005F_proto__":{"admin":true}}', /key "__proto__"/, ''],
  [`${'['.repeat(101)}${']'.repeat(101)}`, /nests deeper than 100/, ''],
  ['['.repeat(1_000_000), /nests deeper than 100/, ''],
]

test('bad JSON is refused with the field, what was found and what was expected', () => {
  const codec = json(Order)
  for (const [text, message, field] of refused) {
    assert.throws(
      () => codec.decode(Buffer.from(text)),
      (error: InvalidValueError) => {
        assert.equal(error.code, 'INVALID_VALUE')
        assert.match(error.message, message)
        assert.equal(error.issues[0]?.field, field)
        return true
      },
    )
  }
})

test('bytes that are not UTF-8 are refused, the replacement character itself is not', () => {
  const codec = json()
  assert.throws(() => codec.decode(Buffer.of(0x22, 0xc3, 0x22)), { code: 'INVALID_VALUE', message: /UTF-8/ })
  assert.equal(codec.decode(Buffer.from('"\ufffd"')), '\ufffd')
})

test('nesting up to the limit passes, brackets in strings do not count', () => {
  const codec = json()
  const deep = `${'['.repeat(100)}${']'.repeat(100)}`
  assert.equal(codec.encode(codec.decode(Buffer.from(deep))).toString(), deep)
  const text = JSON.stringify({ a: '[{'.repeat(200), b: `\\"${'['.repeat(200)}` })
  assert.equal(codec.encode(codec.decode(Buffer.from(text))).toString(), text)
  const wide = JSON.stringify(Array.from({ length: 500 }, () => [{}]))
  assert.equal(codec.encode(codec.decode(Buffer.from(wide))).toString(), wide)
})

test('values that JSON cannot carry are refused when they are written', () => {
  const codec = json(z.unknown())
  const ring: unknown[] = []
  ring.push(ring)
  let deep: unknown = 0
  for (let i = 0; i < 100_000; i++) deep = [deep]
  for (const value of [undefined, () => 1, 1n, ring, deep]) {
    assert.throws(() => codec.encode(value), { code: 'INVALID_VALUE' })
  }
})

test('the schema is asked when the codec was told to', () => {
  const bad = { id: 1 } as never
  const badText = Buffer.from('{"id":1}')
  const cases = [
    ['both', true, true],
    ['encode', true, false],
    ['decode', false, true],
    ['none', false, false],
  ] as const
  for (const [when, onEncode, onDecode] of cases) {
    const codec = json(Order, { validate: when })
    if (onEncode) assert.throws(() => codec.encode(bad), { code: 'INVALID_VALUE' })
    else assert.deepEqual(codec.encode(bad), badText)
    if (onDecode) assert.throws(() => codec.decode(badText), { code: 'INVALID_VALUE' })
    else assert.deepEqual(codec.decode(badText), bad)
  }
})

test('a schema that validates asynchronously is refused', () => {
  const later: StandardSchemaV1<unknown, string> = {
    '~standard': { version: 1, vendor: 'later', validate: () => Promise.reject(new Error('unheard')) },
  }
  assert.throws(() => json(later).decode(Buffer.from('1')), {
    code: 'INVALID_ARGUMENT',
    message: /later schema of the JSON value validates asynchronously/,
  })
})

test('long values and many issues keep the message short', () => {
  const Strings = z.array(z.string().max(3))
  assert.throws(
    () =>
      validate(
        Strings,
        Array.from({ length: 50 }, () => 'x'.repeat(10_000)),
        'the list',
      ),
    {
      message: /^.{1,800}and 45 more\.$/s,
    },
  )
})
