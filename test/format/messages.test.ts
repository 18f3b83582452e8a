import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Field, Fields } from '../../src/wire/field.ts'
import {
  decodeCorrelationId,
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  encodeResponse,
} from '../../src/wire/frame.ts'
import { codec } from '../../src/wire/message.ts'
import { Reader } from '../../src/wire/reader.ts'
import { everyApi, fixture } from './fixture.ts'

interface Recorded {
  readonly api: string
  readonly key: number
  readonly version: number
  readonly direction: 'request' | 'response'
  readonly correlationId: number
  readonly clientId: string | null
  readonly unknownTags?: true
  readonly frame: string
  readonly message: Json
}

type Json = { readonly [name: string]: unknown }

const LENGTH_BYTES = 4
const apis = await everyApi()
const recorded = fixture<Recorded>('messages.jsonl')

for (const api of apis) {
  const lines = recorded.filter(line => line.key === api.key)
  for (const direction of ['request', 'response'] as const) {
    test(`${api.name} ${direction}s are read and written byte for byte as Java does, in every version`, () => {
      const ours = range(api.versions)
      const mine = lines.filter(line => line.direction === direction && ours.includes(line.version))
      assert.deepEqual([...new Set(mine.map(line => line.version))], ours)
      for (const line of mine) {
        const frame = Buffer.from(line.frame, 'hex')
        const reader = new Reader(frame, LENGTH_BYTES)
        const { version, correlationId, clientId } = line
        if (direction === 'request') {
          const header = decodeRequestHeader(reader)
          assert.deepEqual(header, { apiKey: api.key, apiVersion: version, correlationId, clientId })
          const message = decodeRequest(api, version, reader)
          assertSame(api.request.fields, message, line.message, `${api.name} v${version}`)
          if (line.unknownTags) continue
          assertBytes(encodeRequest(api, version, correlationId, clientId, message), frame, line)
        } else {
          assert.equal(decodeCorrelationId(reader), correlationId)
          const message = decodeResponse(api, version, reader)
          assertSame(api.response.fields, message, line.message, `${api.name} v${version}`)
          if (line.unknownTags) continue
          assertBytes(encodeResponse(api, version, correlationId, message), frame, line)
        }
      }
    })
  }
}

interface RecordedDefaults {
  readonly [field: string]: { readonly default: unknown; readonly fields?: RecordedDefaults }
}

test('a field that is left out has the default that Java gives it', () => {
  const byName = new Map(
    fixture<{ message: string; fields: RecordedDefaults }>('defaults.jsonl').map(line => [
      line.message,
      line.fields,
    ]),
  )
  for (const api of apis) {
    assertDefaults(api.request.fields, byName.get(`${api.name}Request`), `${api.name}Request`)
    assertDefaults(api.response.fields, byName.get(`${api.name}Response`), `${api.name}Response`)
  }
})

function range([first, last]: readonly [number, number]): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

function assertBytes(pieces: Buffer[], expected: Buffer, line: Recorded): void {
  const name = `${line.api} ${line.direction} v${line.version}`
  assert.equal(Buffer.concat(pieces).toString('hex'), expected.toString('hex'), name)
}

/** Java leaves out what the version does not carry and tagged fields at their default. */
function assertSame(fields: Fields, ours: Json, theirs: Json, path: string): void {
  for (const name of Object.keys(theirs)) assert.ok(name in fields, `${path}.${name} is not defined`)
  const defaults = codec(path, fields, 0).complete({}) as Json
  for (const [name, field] of Object.entries(fields)) {
    const at = `${path}.${name}`
    if (name in theirs) assertValue(field, ours[name], theirs[name], at)
    else assert.deepEqual(ours[name], defaults[name], at)
  }
}

function assertValue(field: Field<unknown>, ours: unknown, theirs: unknown, path: string): void {
  if (theirs === null) return assert.equal(ours, null, path)
  if (field.kind === 'struct') return assertSame(field.fields as Fields, ours as Json, theirs as Json, path)
  if (field.kind === 'array') {
    const items = theirs as unknown[]
    assert.equal((ours as unknown[]).length, items.length, path)
    return items.forEach((item, index) =>
      assertValue(field.element as Field<unknown>, (ours as unknown[])[index], item, `${path}[${index}]`),
    )
  }
  // Java prints records as an empty string; that their bytes are right shows when they are written again.
  if (field.kind === 'records') return assert.ok(Buffer.isBuffer(ours), path)
  if (field.kind === 'bytes') return assert.equal((ours as Buffer).toString('base64'), theirs, path)
  assert.equal(ours, theirs, path)
}

function assertDefaults(fields: Fields, theirs: RecordedDefaults | undefined, path: string): void {
  assert.ok(theirs !== undefined, `${path} was not recorded`)
  const ours = codec(path, fields, 0).complete({}) as Json
  for (const [name, field] of Object.entries(fields)) {
    const at = `${path}.${name}`
    assert.ok(name in theirs, `${at} does not exist in Java`)
    // Records have no default: a writer must give them.
    if (field.kind === 'records') continue
    const expected: unknown = theirs[name]?.default
    const nested = field.kind === 'array' ? field.element?.fields : field.fields
    if (nested !== undefined) assertDefaults(nested, theirs[name]?.fields, at)
    if (field.kind === 'struct') assert.equal(ours[name] === null, expected === null, at)
    else if (Buffer.isBuffer(ours[name])) assert.equal(ours[name].toString('hex'), expected, at)
    else assert.deepEqual(ours[name], expected, at)
  }
}
