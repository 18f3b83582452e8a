import type { StandardSchemaV1 } from '@standard-schema/spec'
import { utf8Text } from '../contracts/codecs.ts'
import { parseJson } from '../contracts/json.ts'
import { type SchemaOutput, validate } from '../contracts/schema.ts'
import { ProblemError } from './problem.ts'

/** How much JSON a request may bring. */
export const BODY_LIMIT_BYTES = 1024 * 1024

const JSON_TYPE = /^application\/(?:[a-z0-9.+-]+\+)?json\s*(?:;|$)/i

/**
 * The request's body, checked by the schema. Nothing beyond the limit is read. Throws INVALID_VALUE for text that is
 * not JSON or that the schema refuses, and problems with status 400 (too large) and 415 (not announced as JSON).
 */
export async function readJson<S extends StandardSchemaV1>(
  request: Request,
  schema: S,
  limitBytes: number = BODY_LIMIT_BYTES,
): Promise<SchemaOutput<S>> {
  const type = request.headers.get('content-type') ?? ''
  if (!JSON_TYPE.test(type)) {
    throw new ProblemError(415, {
      detail:
        type === ''
          ? 'The request has no content-type. Send application/json.'
          : `The content-type is ${JSON.stringify(type.slice(0, 100))}. Send application/json.`,
      field: 'content-type',
      valid: ['application/json'],
    })
  }
  const text = utf8Text('json', await readBytes(request, limitBytes))
  return validate(schema, parseJson(text), 'the body')
}

async function readBytes(request: Request, limitBytes: number): Promise<Buffer> {
  if (Number(request.headers.get('content-length') ?? 0) > limitBytes) throw tooLarge(limitBytes)
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  // Leaving the loop early cancels the stream.
  for await (const chunk of request.body ?? []) {
    sizeBytes += chunk.byteLength
    if (sizeBytes > limitBytes) throw tooLarge(limitBytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, sizeBytes)
}

function tooLarge(limitBytes: number): ProblemError {
  return new ProblemError(400, {
    title: 'Body Too Large',
    detail: `The body is larger than ${limitBytes} bytes. Send less at a time.`,
  })
}
