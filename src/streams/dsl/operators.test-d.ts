import { int64, string } from '../../contracts/codecs.ts'
import { topic } from '../../contracts/topic.ts'
import type { KStream } from './kstream.ts'
import { StreamsBuilder } from './streams-builder.ts'

declare function expectType<T>(value: T): T

const builder = new StreamsBuilder()
const words = builder.stream(topic('words', { key: string, value: string }))

// An id is a text, or comes with its codec.
expectType<KStream<string, string>>(words.deduplicate(word => word, { withinMs: 10 }))
expectType<KStream<string, string>>(words.deduplicate(word => word.length, { withinMs: 10, id: int64 }))
// @ts-expect-error a number needs a codec
words.deduplicate(word => word.length, { withinMs: 10 })
// @ts-expect-error withinMs is missing
words.deduplicate(word => word, {})
// @ts-expect-error the codec is of another type
words.deduplicate(word => word, { withinMs: 10, id: int64 })
