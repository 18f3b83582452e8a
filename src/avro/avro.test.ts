import assert from 'node:assert/strict'
import { test } from 'node:test'
import { avro } from './avro.ts'

const User = avro({
  type: 'record',
  name: 'User',
  fields: [
    { name: 'name', type: 'string' },
    { name: 'age', type: 'long' },
    { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['GUEST', 'MEMBER'] } },
    { name: 'mail', type: ['null', 'string'], default: null },
    { name: 'tags', type: { type: 'array', items: 'string' } },
    { name: 'scores', type: { type: 'map', values: 'double' } },
    { name: 'photo', type: 'bytes' },
  ],
})
const ann = {
  name: 'Ann',
  age: 2 ** 40,
  kind: 'MEMBER',
  mail: null,
  tags: ['a', 'b'],
  scores: { chess: 0.5 },
  photo: Buffer.from([1, 2]),
} as const

test('values come back as plain objects', () => {
  const value = User.decode(User.encode({ ...ann, tags: [...ann.tags] }))
  assert.deepEqual(value, ann)
  assert.equal(Object.getPrototypeOf(value), Object.prototype)
  const kind: 'GUEST' | 'MEMBER' = value.kind
  const mail: string | null = value.mail
  assert.deepEqual([kind, mail], ['MEMBER', null])
})

test('the bytes are those of the Avro specification', () => {
  // From the specification: a record of the long 27 and the string "foo".
  const record = avro({
    type: 'record',
    name: 'test',
    fields: [
      { name: 'a', type: 'long' },
      { name: 'b', type: 'string' },
    ],
  })
  assert.equal(record.encode({ a: 27, b: 'foo' }).toString('hex'), '3606666f6f')
  assert.deepEqual(record.decode(Buffer.from('3606666f6f', 'hex')), { a: 27, b: 'foo' })
})

test('bytes that are kept are copies of the batch', () => {
  const codec = avro('bytes')
  const batch = codec.encode(Buffer.from('kept'))
  const kept = codec.decode(batch)
  batch.fill(0)
  assert.equal(kept.toString(), 'kept')
})

test('with the id of a schema records are framed as in Confluent, and older ones are resolved', () => {
  const old = avro(
    { type: 'record', name: 'User', fields: [{ name: 'name', type: 'string' }] },
    { schemaId: 7 },
  )
  const bytes = old.encode({ name: 'Ann' })
  assert.equal(bytes.toString('hex'), `0000000007${Buffer.from('\x06Ann').toString('hex')}`)
  assert.deepEqual(old.decode(bytes), { name: 'Ann' })
  const current = avro(
    {
      type: 'record',
      name: 'User',
      fields: [
        { name: 'name', type: 'string' },
        { name: 'age', type: 'int', default: -1 },
      ],
    },
    {
      schemaId: 9,
      writers: { 7: { type: 'record', name: 'User', fields: [{ name: 'name', type: 'string' }] } },
    },
  )
  assert.deepEqual(current.decode(bytes), { name: 'Ann', age: -1 })
  assert.deepEqual(current.decode(current.encode({ name: 'Ben', age: 5 })), { name: 'Ben', age: 5 })
  assert.throws(() => old.decode(current.encode({ name: 'Ben', age: 5 })), {
    code: 'INVALID_VALUE',
    message: /schema of id 9, which is unknown/,
  })
  assert.throws(() => old.decode(Buffer.from('Ann')), {
    code: 'INVALID_VALUE',
    message: /do not begin with a zero byte/,
  })
})

test('values and bytes that are not of the schema are refused', () => {
  assert.throws(() => User.encode({ ...ann, tags: [], age: 'old' as never }), {
    code: 'INVALID_VALUE',
    message: /old/,
  })
  assert.throws(() => User.decode(Buffer.from([2])), { code: 'INVALID_VALUE' })
  assert.throws(() => avro('string').decode(Buffer.from('\x02abc')), { code: 'INVALID_VALUE' })
})

test('schemas that cannot be used are refused', () => {
  const refused = (make: () => unknown, message: RegExp) =>
    assert.throws(make, { code: 'INVALID_ARGUMENT', message })
  refused(() => avro({ type: 'rekord', name: 'x' }), /unknown type: "rekord"/)
  refused(() => avro(['int', 'long']), /ambiguous/)
  refused(() => avro('string', { schemaId: -1 }), /whole number from 0/)
  refused(() => avro('string', { writers: { 1: 'string' } }), /give a schemaId too/)
  refused(() => avro('string', { schemaId: 1, writers: { 2: 'int' } }), /id 2 writes cannot be read/)
})
