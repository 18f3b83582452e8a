import { EvertError } from '../errors.ts'
import { assert } from '../internal/assert.ts'
import { completeStruct, deepFreeze, defaultOf, isDefault } from './defaults.ts'
import type { Field, Fields, Kind, Message, MessageInput, Versions } from './field.ts'
import { malformed, Reader } from './reader.ts'
import { Writer } from './writer.ts'

export { ZERO_UUID } from './defaults.ts'

/** One API of the Kafka protocol: both directions, all versions, as data. */
export interface Api<Req extends Fields = Fields, Res extends Fields = Fields> {
  readonly key: number
  readonly name: string
  /** First and last version that this definition covers. */
  readonly versions: readonly [number, number]
  /** First version that uses compact lengths and tagged fields. */
  readonly flexible: number
  readonly request: Codec<Req>
  readonly response: Codec<Res>
}

export type RequestOf<A> = A extends Api<infer Req, Fields> ? Message<Req> : never
export type RequestInputOf<A> = A extends Api<infer Req, Fields> ? MessageInput<Req> : never
export type ResponseOf<A> = A extends Api<Fields, infer Res> ? Message<Res> : never
export type ResponseInputOf<A> = A extends Api<Fields, infer Res> ? MessageInput<Res> : never

/** Encodes and decodes one message in any of its versions. */
export interface Codec<F extends Fields> {
  readonly fields: F
  /**
   * Appends the message's bytes. Throws UNSUPPORTED_VERSION when a field holds a value that the version cannot
   * carry and that may not be dropped.
   */
  encode(writer: Writer, message: MessageInput<F>, version: number): void
  /** Throws MALFORMED_BYTES on bytes that are not this message. */
  decode(reader: Reader, version: number): Message<F>
  /** The message with every field that was left out set to its default: what a decoder on the other side would see. */
  complete(message: MessageInput<F>): Message<F>
}

export interface ApiDefinition<Req extends Fields, Res extends Fields> {
  readonly key: number
  readonly name: string
  readonly versions: readonly [number, number]
  readonly flexible: number
  readonly request: Req
  readonly response: Res
}

export function defineApi<const Req extends Fields, const Res extends Fields>(
  definition: ApiDefinition<Req, Res>,
): Api<Req, Res> {
  return {
    ...definition,
    request: codec(definition.name + 'Request', definition.request, definition.flexible),
    response: codec(definition.name + 'Response', definition.response, definition.flexible),
  }
}

/** A codec for messages outside request and response, such as the payloads of group protocols. */
export function codec<const F extends Fields>(name: string, fields: F, flexible: number): Codec<F> {
  const compiled: StructCodec[] = []
  const at = (version: number): StructCodec =>
    (compiled[version] ??= compileStruct(name, fields, version, version >= flexible))
  return {
    fields,
    encode: (writer, message, version) => at(version).encode(writer, message),
    decode: (reader, version) => at(version).decode(reader) as Message<F>,
    complete: message => completeStruct(fields, message) as Message<F>,
  }
}

type Plain = Record<string, unknown>

interface ValueCodec {
  encode(writer: Writer, value: unknown): void
  decode(reader: Reader): unknown
}

interface StructCodec {
  encode(writer: Writer, value: Plain): void
  decode(reader: Reader): Plain
}

interface CompiledField extends ValueCodec {
  readonly name: string
  readonly fallback: unknown
  readonly tag: number
}

function compileStruct(name: string, fields: Fields, version: number, flexible: boolean): StructCodec {
  const plain: CompiledField[] = []
  const tagged: CompiledField[] = []
  const absent: { name: string; field: Field<unknown>; fallback: unknown }[] = []
  const template: Plain = {}
  for (const [fieldName, field] of Object.entries(fields)) {
    const fallback = deepFreeze(defaultOf(field))
    template[fieldName] = fallback
    if (!includes(field.options.versions, version)) {
      absent.push({ name: fieldName, field, fallback })
      continue
    }
    const value = compileValue(`${name}.${fieldName}`, field, version, flexible)
    const isTagged = field.options.tag !== undefined && includes(field.options.tagged, version)
    const compiled = { name: fieldName, fallback, tag: field.options.tag ?? -1, ...value }
    if (isTagged) tagged.push(compiled)
    else plain.push(compiled)
  }
  tagged.sort((a, b) => a.tag - b.tag)
  assert(flexible || tagged.length === 0, `${name} v${version} has tagged fields but is not flexible`)

  return {
    encode(writer, value) {
      for (const { name: fieldName, field, fallback } of absent) {
        const given = value[fieldName]
        if (given === undefined || field.options.ignorable || isDefault(field, given, fallback)) continue
        throw new EvertError(
          'UNSUPPORTED_VERSION',
          `${name} v${version} cannot carry ${fieldName}; leave it out or use a version of ${field.options.versions}.`,
        )
      }
      for (const field of plain) {
        const given = value[field.name]
        field.encode(writer, given === undefined ? field.fallback : given)
      }
      if (flexible) encodeTagged(writer, value)
    },
    decode(reader) {
      const value: Plain = { ...template }
      for (const field of plain) value[field.name] = field.decode(reader)
      if (flexible) decodeTagged(reader, value)
      return value
    },
  }

  function encodeTagged(writer: Writer, value: Plain): void {
    if (tagged.length === 0) return writer.unsignedVarint(0)
    const present = tagged.filter(field => {
      const given = value[field.name]
      return given !== undefined && !isDefault(fields[field.name] as Field<unknown>, given, field.fallback)
    })
    writer.unsignedVarint(present.length)
    for (const field of present) {
      const body = new Writer()
      field.encode(body, value[field.name])
      writer.unsignedVarint(field.tag)
      writer.unsignedVarint(body.sizeBytes)
      for (const chunk of body.finish()) writer.bytes(chunk)
    }
  }

  function decodeTagged(reader: Reader, value: Plain): void {
    let count = reader.unsignedVarint()
    for (; count > 0; count--) {
      const tag = reader.unsignedVarint()
      const size = reader.unsignedVarint()
      const field = tagged.find(candidate => candidate.tag === tag)
      if (field === undefined) {
        reader.skip(size)
        continue
      }
      const end = reader.position + size
      value[field.name] = field.decode(reader)
      if (reader.position !== end) throw malformed(`${name}.${field.name} does not fill its ${size} bytes`)
    }
  }
}

function compileValue(path: string, field: Field<unknown>, version: number, flexible: boolean): ValueCodec {
  const nullable = field.options.nullable !== undefined && includes(field.options.nullable, version)
  switch (field.kind) {
    case 'array':
      return compileArray(path, field, version, flexible, nullable)
    case 'struct':
      return compileNested(path, field, version, flexible, nullable)
    case 'string':
      return compileString(path, flexible, nullable)
    case 'bytes':
    case 'records':
      return compileBytes(path, flexible, nullable)
    default:
      return fixedCodecs[field.kind]
  }
}

const fixedCodecs: Record<Exclude<Kind, 'array' | 'struct' | 'string' | 'bytes' | 'records'>, ValueCodec> = {
  bool: { encode: (writer, value) => writer.bool(value as boolean), decode: reader => reader.bool() },
  int8: { encode: (writer, value) => writer.int8(value as number), decode: reader => reader.int8() },
  int16: { encode: (writer, value) => writer.int16(value as number), decode: reader => reader.int16() },
  uint16: { encode: (writer, value) => writer.uint16(value as number), decode: reader => reader.uint16() },
  int32: { encode: (writer, value) => writer.int32(value as number), decode: reader => reader.int32() },
  int64: { encode: (writer, value) => writer.int64(value as number), decode: reader => reader.int64() },
  float64: { encode: (writer, value) => writer.float64(value as number), decode: reader => reader.float64() },
  uuid: { encode: (writer, value) => writer.uuid(value as string), decode: reader => reader.uuid() },
}

/** A length before strings (int16), bytes and arrays (int32); in flexible versions a varint of length + 1. */
function lengthCodec(flexible: boolean, wide: boolean) {
  if (flexible) {
    return {
      write: (writer: Writer, length: number) => writer.unsignedVarint(length + 1),
      read: (reader: Reader) => reader.unsignedVarint() - 1,
    }
  }
  return wide
    ? {
        write: (writer: Writer, length: number) => writer.int32(length),
        read: (reader: Reader) => reader.int32(),
      }
    : {
        write: (writer: Writer, length: number) => writer.int16(length),
        read: (reader: Reader) => reader.int16(),
      }
}

function compileString(path: string, flexible: boolean, nullable: boolean): ValueCodec {
  const length = lengthCodec(flexible, false)
  return {
    encode(writer, value) {
      if (value === null) return writeNull(path, nullable, () => length.write(writer, -1))
      const text = value as string
      const byteLength = Buffer.byteLength(text)
      if (byteLength > MAX_STRING_BYTES) {
        throw new EvertError(
          'INVALID_ARGUMENT',
          `${path} has ${byteLength} bytes; a string of the protocol has at most ${MAX_STRING_BYTES}.`,
        )
      }
      length.write(writer, byteLength)
      writer.string(text, byteLength)
    },
    decode(reader) {
      const size = length.read(reader)
      if (size > MAX_STRING_BYTES) throw malformed(`${path} claims ${size} bytes`)
      return size < 0 ? readNull(path, nullable) : reader.string(size)
    },
  }
}

/** Also in versions whose length field could hold more, as in Java. */
const MAX_STRING_BYTES = 0x7fff

function compileBytes(path: string, flexible: boolean, nullable: boolean): ValueCodec {
  const length = lengthCodec(flexible, true)
  return {
    encode(writer, value) {
      if (value === null) return writeNull(path, nullable, () => length.write(writer, -1))
      const buffer = value as Buffer
      length.write(writer, buffer.length)
      writer.bytes(buffer)
    },
    decode(reader) {
      const size = length.read(reader)
      return size < 0 ? readNull(path, nullable) : reader.bytes(size)
    },
  }
}

function compileArray(
  path: string,
  field: Field<unknown>,
  version: number,
  flexible: boolean,
  nullable: boolean,
): ValueCodec {
  const length = lengthCodec(flexible, true)
  const element = compileValue(path, field.element as Field<unknown>, version, flexible)
  return {
    encode(writer, value) {
      if (value === null) return writeNull(path, nullable, () => length.write(writer, -1))
      const items = value as unknown[]
      length.write(writer, items.length)
      for (const item of items) element.encode(writer, item)
    },
    decode(reader) {
      const size = length.read(reader)
      if (size < 0) return readNull(path, nullable)
      // An element takes at least one byte, so a length beyond the rest is a lie: refuse it before allocating.
      if (size > reader.remaining) throw malformed(`${path} claims ${size} elements`)
      const items: unknown[] = []
      for (let index = 0; index < size; index++) items.push(element.decode(reader))
      return items
    },
  }
}

function compileNested(
  path: string,
  field: Field<unknown>,
  version: number,
  flexible: boolean,
  nullable: boolean,
): ValueCodec {
  const nested = compileStruct(path, field.fields as Fields, version, flexible)
  if (!nullable) {
    return {
      encode: (writer, value) => nested.encode(writer, value as Plain),
      decode: reader => nested.decode(reader),
    }
  }
  return {
    encode(writer, value) {
      writer.int8(value === null ? -1 : 1)
      if (value !== null) nested.encode(writer, value as Plain)
    },
    decode: reader => (reader.int8() < 0 ? null : nested.decode(reader)),
  }
}

function writeNull(path: string, nullable: boolean, write: () => void): void {
  if (!nullable) throw new EvertError('UNSUPPORTED_VERSION', `${path} must not be null in this version.`)
  write()
}

function readNull(path: string, nullable: boolean): null {
  if (!nullable) throw malformed(`${path} is null`)
  return null
}

function includes(versions: Versions | undefined, version: number): boolean {
  if (versions === undefined) return true
  const [first, last] = parseVersions(versions)
  return version >= first && version <= last
}

function parseVersions(versions: Versions): [number, number] {
  if (versions.endsWith('+')) return [Number(versions.slice(0, -1)), Number.POSITIVE_INFINITY]
  const [first, last] = versions.split('-')
  return [Number(first), Number(last ?? first)]
}
