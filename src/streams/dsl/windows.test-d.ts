import { int64, string } from '../../contracts/codecs.ts'
import { topic } from '../../contracts/topic.ts'
import type { Windowed } from '../processors/windowed-key.ts'
import { hopping, sessions, sliding, tumbling, unlimited } from '../processors/windows.ts'
import type { KTable } from './ktable.ts'
import { StreamsBuilder } from './streams-builder.ts'

declare function expectType<T>(value: T): T

const grouped = new StreamsBuilder().stream(topic('in', { key: string, value: string })).groupByKey()
const perMinute = grouped.windowedBy(tumbling({ sizeMs: 60_000, graceMs: 0 }))

// Everything is inferred, whatever the windows.
expectType<KTable<Windowed<string>, number>>(perMinute.count())
expectType<KTable<Windowed<string>, string>>(
  grouped.windowedBy(sliding({ timeDifferenceMs: 5, graceMs: 1 })).reduce((all, value) => all + value),
)
expectType<KTable<Windowed<string>, number>>(grouped.windowedBy(unlimited()).count())
expectType<KTable<Windowed<string>, number>>(perMinute.count().suppressUntilWindowCloses())
expectType<KTable<Windowed<string>, number>>(
  grouped
    .cogroup<number>((sum, value) => sum + value.length)
    .windowedBy(sliding({ timeDifferenceMs: 5, graceMs: 1 }))
    .aggregate(() => 0),
)

// How long late records are waited for is always said.
// @ts-expect-error graceMs is missing
tumbling({ sizeMs: 60_000 })
// @ts-expect-error graceMs is missing
hopping({ sizeMs: 60_000, advanceMs: 1_000 })
// @ts-expect-error graceMs is missing
sliding({ timeDifferenceMs: 60_000 })
// @ts-expect-error graceMs is missing
sessions({ gapMs: 60_000 })

// Only windows close, and a buffer that waits for them never lets rows go early.
// @ts-expect-error the keys of the table are no windows
grouped.count().suppressUntilWindowCloses()
// @ts-expect-error final results cannot be early
perMinute.count().suppressUntilWindowCloses({ whenFull: 'emitEarly' })
grouped.count().suppressUntilTimeLimit(5, { maxRecords: 10, whenFull: 'emitEarly' })

// An unlimited window never closes.
// @ts-expect-error it has no final result
grouped.windowedBy(unlimited(), { emit: 'onWindowClose' })

// Late records go to a topic of the same types.
const lateTexts = topic('late-texts', { key: string, value: string })
const lateNumbers = topic('late-numbers', { key: string, value: int64 })
const texts = new StreamsBuilder().stream(topic('texts', { key: string, value: string })).groupByKey()
texts.windowedBy(tumbling({ sizeMs: 10, graceMs: 0 }), { lateTo: lateTexts })
// @ts-expect-error: the values are texts
texts.windowedBy(tumbling({ sizeMs: 10, graceMs: 0 }), { lateTo: lateNumbers })
