import { int64, string } from '../../contracts/codecs.ts'
import { topic } from '../../contracts/topic.ts'
import type { AsyncRecordContext } from '../processors/async-call.ts'
import type { KStream } from './kstream.ts'
import { StreamsBuilder } from './streams-builder.ts'

declare function expectType<T>(value: T): T

const stream = new StreamsBuilder().stream(topic('in', { key: string, value: string }))

// Everything is inferred; the codec must fit the results.
expectType<KStream<string, number>>(
  stream.mapAsync(
    async (value, key, record) => {
      expectType<string>(value)
      expectType<string>(key)
      expectType<AsyncRecordContext>(record)
      expectType<AbortSignal>(record.signal)
      return value.length
    },
    { value: int64, concurrency: 4, maxPending: 8, timeoutMs: Infinity, retries: 1, retryBackoffMs: 5 },
  ),
)
expectType<KStream<string, { length: number }>>(stream.mapAsync(async value => ({ length: value.length })))
expectType<KStream<string, string>>(stream.mapAsync(async value => (value === '' ? null : value)))

// @ts-expect-error a function that takes no time belongs to map
stream.mapAsync(value => value.length)
// @ts-expect-error the codec writes numbers, the function gives text
stream.mapAsync(async value => value, { value: int64 })
// @ts-expect-error keys stay as they are
stream.mapAsync(async value => value, { key: string })
