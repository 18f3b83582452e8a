import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { avro } from '../../avro/avro.ts'
import type { Codec } from '../../contracts/codec.ts'
import { int64, string } from '../../contracts/codecs.ts'
import { json } from '../../contracts/json.ts'
import { topic } from '../../contracts/topic.ts'
import { StreamsBuilder } from './streams-builder.ts'

const Order = z.object({ id: z.string() })
const Sum = z.object({ sum: z.number() })
const own = (name: string): Codec<string> => ({ ...string, name })

/** Whether two declarations of one topic can be read by two streams. */
const readTwice: [what: string, first: Codec<unknown>, second: Codec<unknown>, refusal?: RegExp][] = [
  ['the same codec', string, string],
  ['one schema in two JSON codecs', json(Order), json(Order)],
  ['JSON without a schema, twice', json(), json()],
  ['a schema that is asked when values are written only', json(), json(Order, { validate: 'encode' })],
  ['one Avro schema, declared twice', avro('string'), avro('string')],
  ['codecs of their own with one name', own('mine'), own('mine')],
  [
    'other codecs',
    string,
    int64,
    /"in" is read twice with different value codecs, "string" and "int64"\. Decl/,
  ],
  ['other schemas', json(Order), json(Sum), /different value codecs, of other schemas \("json"\)/],
  ['a schema and none', json(), json(Order), /of other schemas/],
  ['other Avro schemas', avro('string'), avro('int'), /of other schemas \("avro"\)/],
  ['codecs of their own with other names', own('mine'), own('yours'), /"mine" and "yours"/],
]

test('two streams share a topic if they read the same values, and are refused otherwise', () => {
  for (const [what, first, second, refusal] of readTwice) {
    const build = () => {
      const builder = new StreamsBuilder()
      builder.stream(topic('in', { key: string, value: first }))
      builder.stream(topic('in', { key: string, value: second }))
    }
    if (refusal === undefined) assert.doesNotThrow(build, what)
    else assert.throws(build, { code: 'INVALID_TOPOLOGY', message: refusal }, what)
  }
})

test('the keys of two streams of one topic are compared too', () => {
  const builder = new StreamsBuilder()
  builder.stream(topic('in', { key: string, value: string }))
  assert.throws(() => builder.stream(topic('in', { key: int64, value: string })), {
    code: 'INVALID_TOPOLOGY',
    message: /different key codecs, "string" and "int64"/,
  })
})
