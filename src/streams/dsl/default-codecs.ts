import type { Codec } from '../../contracts/codec.ts'
import { int64, string } from '../../contracts/codecs.ts'
import { json } from '../../contracts/json.ts'

/** What the DSL assumes where a codec cannot be inferred from a contract: one object each, so that bytes can move. */
export const defaultValueCodec: Codec<unknown> = json()
export const countCodec: Codec<number> = int64
export const textKeyCodec: Codec<string> = string
