import type { Fields, Message, MessageInput } from './field.ts'
import type { Api } from './message.ts'
import { malformed, Reader } from './reader.ts'
import { Writer } from './writer.ts'

/*
 * One frame on a connection:
 *
 *   request                                    response
 *   length          int32                      length          int32
 *   api key         int16                      correlation id  int32
 *   api version     int16                      tagged fields   in flexible versions, but never of ApiVersions
 *   correlation id  int32                      the message
 *   client id       int16 length, UTF-8; -1: null
 *   tagged fields   in flexible versions
 *   the message
 *
 * An ApiVersions response has the old header in every version: its reader does not know yet what the broker speaks.
 */
const LENGTH_BYTES = 4
const API_VERSIONS_KEY = 18

export interface RequestHeader {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
}

/** The request's bytes with its length in front, in pieces for one writev. Throws UNSUPPORTED_VERSION. */
export function encodeRequest<Req extends Fields>(
  api: Api<Req, Fields>,
  version: number,
  correlationId: number,
  clientId: string | null,
  input: MessageInput<Req>,
): Buffer[] {
  const writer = new Writer()
  writer.int16(api.key)
  writer.int16(version)
  writer.int32(correlationId)
  if (clientId === null) {
    writer.int16(-1)
  } else {
    const byteLength = Buffer.byteLength(clientId)
    writer.int16(byteLength)
    writer.string(clientId, byteLength)
  }
  if (version >= api.flexible) writer.unsignedVarint(0)
  api.request.encode(writer, input, version)
  return framed(writer)
}

/**
 * Reads the fields that every request header has, from behind the length. Whether tagged fields follow depends on
 * the API, which the caller finds by `apiKey`: decodeRequest goes on from here. Throws MALFORMED_BYTES.
 */
export function decodeRequestHeader(reader: Reader): RequestHeader {
  const apiKey = reader.int16()
  const apiVersion = reader.int16()
  const correlationId = reader.int32()
  const length = reader.int16()
  const clientId = length < 0 ? null : reader.string(length)
  return { apiKey, apiVersion, correlationId, clientId }
}

/** Reads the rest of a request whose header decodeRequestHeader has read. Throws MALFORMED_BYTES. */
export function decodeRequest<Req extends Fields>(
  api: Api<Req, Fields>,
  version: number,
  reader: Reader,
): Message<Req> {
  if (version >= api.flexible) skipTaggedFields(reader)
  const message = api.request.decode(reader, version)
  refuseRest(reader, api.name)
  return message
}

/** The response's bytes with its length in front, in pieces for one writev. Throws UNSUPPORTED_VERSION. */
export function encodeResponse<Res extends Fields>(
  api: Api<Fields, Res>,
  version: number,
  correlationId: number,
  output: MessageInput<Res>,
): Buffer[] {
  const writer = new Writer()
  writer.int32(correlationId)
  if (hasFlexibleResponseHeader(api, version)) writer.unsignedVarint(0)
  api.response.encode(writer, output, version)
  return framed(writer)
}

/** Reads the correlation id, from behind the length: by it the reader finds which API and version to decode. */
export function decodeCorrelationId(reader: Reader): number {
  return reader.int32()
}

/** Reads the rest of a response whose correlation id was read. Throws MALFORMED_BYTES. */
export function decodeResponse<Res extends Fields>(
  api: Api<Fields, Res>,
  version: number,
  reader: Reader,
): Message<Res> {
  if (hasFlexibleResponseHeader(api, version)) skipTaggedFields(reader)
  const message = api.response.decode(reader, version)
  refuseRest(reader, api.name)
  return message
}

function hasFlexibleResponseHeader(api: Api, version: number): boolean {
  return version >= api.flexible && api.key !== API_VERSIONS_KEY
}

function framed(writer: Writer): Buffer[] {
  const length = Buffer.allocUnsafe(LENGTH_BYTES)
  length.writeInt32BE(writer.sizeBytes)
  return [length, ...writer.finish()]
}

function skipTaggedFields(reader: Reader): void {
  for (let count = reader.unsignedVarint(); count > 0; count--) {
    reader.unsignedVarint()
    reader.skip(reader.unsignedVarint())
  }
}

function refuseRest(reader: Reader, name: string): void {
  if (reader.remaining > 0) throw malformed(`${reader.remaining} bytes after the ${name} message`)
}
