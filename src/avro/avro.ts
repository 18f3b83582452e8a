import avsc from 'avsc'
import type { Codec } from '../contracts/codec.ts'
import { refused } from '../contracts/codecs.ts'
import { readsBy } from '../contracts/decodes-alike.ts'
import { EvertError } from '../errors.ts'
import type { AvroSchema, AvroValue } from './avro-value.ts'

export interface AvroOptions {
  /**
   * The schema's id in a registry: records are then framed as Confluent's serializers do it, with a zero byte and the id
   * before the value. Default: the value alone.
   */
  readonly schemaId?: number
  /** Other schemas by their ids, by which records may have been written. They must resolve to this one. */
  readonly writers?: Readonly<Record<number, AvroSchema>>
}

/**
 * A codec for Avro's binary encoding, over the package `avsc`. Values are plain objects; `bytes` and `fixed` are Buffers,
 * a `long` is a number. A schema that is written as a literal gives the type of its values. Throws INVALID_ARGUMENT for
 * a schema that Avro refuses, or one with a union whose branches the values do not tell apart; encode and decode throw
 * INVALID_VALUE.
 *
 * @example
 * const users = topic('users', {
 *   key: string,
 *   value: avro({ type: 'record', name: 'User', fields: [{ name: 'id', type: 'long' }] }),
 * })
 */
export function avro<const S extends AvroSchema>(schema: S, options: AvroOptions = {}): Codec<AvroValue<S>> {
  const reader = JSON.stringify([schema, options.schemaId])
  return readsBy(avroCodec(schema, options), reader) as Codec<AvroValue<S>>
}

type Resolver = ReturnType<avsc.Type['createResolver']>

function avroCodec(schema: AvroSchema, options: AvroOptions): Codec<unknown> {
  const type = typeOf(schema)
  const { schemaId } = options
  const decode = (bytes: Buffer, resolver?: Resolver): unknown => {
    try {
      return plain(type.fromBuffer(bytes, resolver))
    } catch (error) {
      throw refused('avro', `the bytes are not of the schema (${(error as Error).message})`, error)
    }
  }
  const encode = (value: unknown): Buffer => {
    try {
      return type.toBuffer(value)
    } catch (error) {
      throw refused('avro', (error as Error).message, error)
    }
  }
  if (schemaId === undefined) {
    if (options.writers !== undefined) {
      throw new EvertError(
        'INVALID_ARGUMENT',
        'Schemas of writers are told apart by ids: give a schemaId too.',
      )
    }
    return { name: 'avro', encode, decode: bytes => decode(bytes) }
  }
  const header = headerOf(schemaId)
  const resolvers = resolversOf(type, options.writers ?? {})
  return {
    name: 'avro',
    encode: value => Buffer.concat([header, encode(value)]),
    decode(bytes) {
      if (bytes.length < HEADER_BYTES || bytes[0] !== MAGIC) {
        throw refused('avro', 'the bytes do not begin with a zero byte and the id of a schema')
      }
      const id = bytes.readUInt32BE(1)
      const body = bytes.subarray(HEADER_BYTES)
      if (id === schemaId) return decode(body)
      const resolver = resolvers.get(id)
      if (resolver !== undefined) return decode(body, resolver)
      throw refused(
        'avro',
        `it was written by the schema of id ${id}, which is unknown: name it under writers`,
      )
    },
  }
}

const MAGIC = 0
const HEADER_BYTES = 5
const MAX_ID = 2 ** 31 - 1

function typeOf(schema: AvroSchema): avsc.Type {
  try {
    return avsc.Type.forSchema(schema as avsc.Schema, { wrapUnions: 'never' as never })
  } catch (error) {
    throw new EvertError('INVALID_ARGUMENT', `The Avro schema is refused: ${(error as Error).message}.`, {
      cause: error,
    })
  }
}

function headerOf(schemaId: number): Buffer {
  assertId(schemaId)
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt8(MAGIC, 0)
  header.writeUInt32BE(schemaId, 1)
  return header
}

function resolversOf(
  reader: avsc.Type,
  writers: Readonly<Record<number, AvroSchema>>,
): Map<number, Resolver> {
  const resolvers = new Map<number, Resolver>()
  for (const [text, schema] of Object.entries(writers)) {
    const id = Number(text)
    assertId(id)
    try {
      resolvers.set(id, reader.createResolver(typeOf(schema)))
    } catch (error) {
      throw new EvertError(
        'INVALID_ARGUMENT',
        `What the schema of id ${id} writes cannot be read by this one: ${(error as Error).message}.`,
        { cause: error },
      )
    }
  }
  return resolvers
}

function assertId(id: number): void {
  if (Number.isInteger(id) && id >= 0 && id <= MAX_ID) return
  throw new EvertError(
    'INVALID_ARGUMENT',
    `The id of a schema is a whole number from 0 to ${MAX_ID}; got ${id}.`,
  )
}

/** Records come as instances of classes and bytes as slices; values of a stream are plain, and keep nothing alive. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Buffer.isBuffer(value)) return Buffer.from(value)
  if (Array.isArray(value)) return value.map(plain)
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]))
}
