/** What every operator makes of the types of its input. Checked by `npm run types`, never run. */
import { z } from 'zod'
import { int64, string } from '../../contracts/codecs.ts'
import { json } from '../../contracts/json.ts'
import { topic } from '../../contracts/topic.ts'
import type { Windowed } from '../processors/windowed-key.ts'
import { hopping, sessions, sliding, tumbling, unlimited } from '../processors/windows.ts'
import type { CogroupedKStream } from './cogrouped-kstream.ts'
import type { GlobalKTable } from './global-ktable.ts'
import type { KGroupedStream } from './kgrouped-stream.ts'
import type { KGroupedTable } from './kgrouped-table.ts'
import type { KStream } from './kstream.ts'
import type { KTable } from './ktable.ts'
import type { UnlimitedKTable, VersionedKTable } from './narrowed-tables.ts'
import { StreamsBuilder } from './streams-builder.ts'
import type { View } from './view.ts'

/* oxlint-disable typescript/no-unnecessary-type-parameters -- how types are compared exactly */
/** Fails unless both are the same type, not only assignable. */
declare function expectSame<Expected>(): <Actual>(
  actual: Actual,
  ...same: (<T>() => T extends Actual ? 1 : 2) extends <T>() => T extends Expected ? 1 : 2 ? [] : [never]
) => void

const Cash = z.object({ kind: z.literal('cash'), cents: z.number() })
const Card = z.object({ kind: z.literal('card'), cents: z.number(), number: z.string() })
type Cash = z.infer<typeof Cash>
type Card = z.infer<typeof Card>
type Payment = Cash | Card

const payments = topic('payments', { key: string, value: json(z.union([Cash, Card])) })
const names = topic('names', { key: string, value: string })
const rates = topic('rates', { key: int64, value: string })
const builder = new StreamsBuilder()

// Sources.
const stream = builder.stream(payments)
const table = builder.table(payments)
const global = builder.globalTable(rates)
const texts = builder.stream([names, topic('more-names', { key: string, value: string })])
expectSame<KStream<string, Payment>>()(stream)
expectSame<KStream<string, string>>()(texts)
expectSame<KTable<string, Payment>>()(table)
expectSame<GlobalKTable<number, string>>()(global)
expectSame<VersionedKTable<string, string>>()(builder.versionedTable(names, { historyRetentionMs: 5 }))

// Streams, one record at a time.
expectSame<KStream<string, Card>>()(stream.filter(payment => payment.kind === 'card'))
expectSame<KStream<string, Payment>>()(stream.filter(payment => payment.cents > 5))
expectSame<KStream<string, Payment>>()(stream.filterNot((payment, key) => payment.kind === key))
expectSame<KStream<string, number>>()(stream.map(payment => payment.cents))
expectSame<KStream<string, number>>()(stream.map(payment => (payment.cents > 5 ? payment.cents : null)))
expectSame<KStream<string, string>>()(stream.flatMap(({ kind }, key) => new Set<string>([kind, key])))
expectSame<KStream<string, Payment>>()(stream.selectKey(payment => payment.kind))
expectSame<KStream<number, Payment>>()(stream.selectKey(payment => payment.cents, { key: int64 }))
expectSame<KStream<string, Payment>>()(stream.peek((payment, key) => void [payment.cents, key.length]))
expectSame<KStream<string, Payment>>()(stream.merge(builder.stream(payments)))
expectSame<KStream<string, Payment>>()(stream.repartition({ partitions: 3 }))
expectSame<KTable<string, Payment>>()(stream.toTable())
const { cards, other } = stream.split({ cards: payment => payment.kind === 'card' }, { default: 'other' })
expectSame<KStream<string, Payment>>()(cards)
expectSame<KStream<string, Payment>>()(other)

// Joins.
const within = { beforeMs: 0, afterMs: 5, graceMs: 0 }
expectSame<KStream<string, string>>()(
  stream.join(texts, ({ kind }, text, key) => kind + text + key, { within }),
)
expectSame<KStream<string, string | undefined>>()(
  stream.leftJoin(builder.table(names), (_payment, name) => name?.trim()),
)
expectSame<KStream<string, string>>()(
  stream.joinGlobal(
    global,
    payment => payment.cents,
    (payment, rate) => payment.kind + rate,
  ),
)
expectSame<KStream<string, { rate: string | null }>>()(
  stream.leftJoinGlobal(
    global,
    payment => payment.cents,
    (_, rate) => ({ rate }),
  ),
)

// Grouped streams.
const grouped = stream.groupByKey()
expectSame<KGroupedStream<string, Payment>>()(grouped)
expectSame<KGroupedStream<string, Payment>>()(stream.groupBy(payment => payment.kind))
expectSame<KGroupedStream<number, Payment>>()(stream.groupBy(payment => payment.cents, { key: int64 }))
expectSame<KTable<string, number>>()(grouped.count())
expectSame<KTable<string, Payment>>()(grouped.reduce((one, next) => (one.cents > next.cents ? one : next)))
expectSame<KTable<string, number>>()(
  grouped.aggregate(
    () => 0,
    (sum, payment) => (payment.cents < 0 ? null : sum + payment.cents),
  ),
)
expectSame<KTable<string, readonly Payment[]>>()(grouped.top(3, { by: payment => payment.cents }))
const cogrouped = grouped.cogroup((sum: number, payment) => sum + payment.cents)
expectSame<CogroupedKStream<string, number>>()(cogrouped)
expectSame<KTable<string, number>>()(
  cogrouped.cogroup(texts.groupByKey(), (sum, text) => sum + text.length).aggregate(() => 0),
)
expectSame<KTable<Windowed<string>, number>>()(
  cogrouped.windowedBy(tumbling({ sizeMs: 5, graceMs: 0 })).aggregate(() => 0),
)
expectSame<KTable<Windowed<string>, number>>()(
  cogrouped.sessions(sessions({ gapMs: 5, graceMs: 0 }), (one, next) => one + next).aggregate(() => 0),
)

// Windows.
for (const windows of [
  tumbling({ sizeMs: 5, graceMs: 0 }),
  hopping({ sizeMs: 5, advanceMs: 1, graceMs: 0 }),
]) {
  expectSame<KTable<Windowed<string>, number>>()(grouped.windowedBy(windows).count())
}
const slid = grouped.windowedBy(sliding({ timeDifferenceMs: 5, graceMs: 0 }))
expectSame<KTable<Windowed<string>, Payment>>()(slid.reduce(one => one))
expectSame<KTable<Windowed<string>, number>>()(
  slid.aggregate(
    () => 0,
    (sum, payment) => sum + payment.cents,
  ),
)
expectSame<UnlimitedKTable<string, Payment>>()(grouped.windowedBy(unlimited()).reduce(one => one))
const visits = grouped.sessions(sessions({ gapMs: 5, graceMs: 0 }))
expectSame<KTable<Windowed<string>, number>>()(visits.count())
expectSame<KTable<Windowed<string>, Payment>>()(visits.reduce(one => one))
expectSame<KTable<Windowed<string>, number>>()(
  visits.aggregate(
    () => 0,
    (sum, payment) => sum + payment.cents,
    { merger: (one, next, key) => one + next + key.length },
  ),
)
expectSame<KTable<Windowed<string>, Payment>>()(slid.reduce(one => one).suppressUntilWindowCloses())
expectSame<KStream<string, number>>()(
  slid
    .count()
    .toStream()
    .selectKey((_count, { key, start }) => `${key}@${start}`),
)

// Tables.
expectSame<KTable<string, Card>>()(table.filter(payment => payment.kind === 'card'))
expectSame<KTable<string, Payment>>()(table.filterNot(payment => payment.kind === 'card'))
expectSame<KTable<string, number>>()(table.map(payment => payment.cents))
expectSame<KStream<string, Payment>>()(table.toStream())
expectSame<KTable<string, Payment>>()(table.suppressUntilTimeLimit(5))
expectSame<KTable<string, string>>()(table.join(builder.table(names), (payment, name) => payment.kind + name))
expectSame<KTable<string, { name: string | null }>>()(
  table.leftJoin(builder.table(names), (_payment, name) => ({ name })),
)
expectSame<KTable<string, boolean>>()(
  table.outerJoin(builder.table(names), (payment, name) => payment === null && name === null),
)
expectSame<KTable<string, string>>()(
  table.joinByForeignKey(
    builder.table(rates),
    payment => payment.cents,
    (payment, rate) => payment.kind + rate,
  ),
)
expectSame<KTable<string, { rate: string | null }>>()(
  table.leftJoinByForeignKey(
    builder.table(rates),
    payment => payment.cents,
    (_, rate) => ({ rate }),
  ),
)
expectSame<View<string, Payment>>()(table.view('payments', { indexes: ['kind', 'cents'] }))
expectSame<View<Windowed<string>, number>>()(slid.count().view('per-window'))

// Grouped tables.
const byKind = table.groupBy(payment => payment.kind)
expectSame<KGroupedTable<string, Payment>>()(byKind)
expectSame<KGroupedTable<number, string>>()(
  table.groupBy(payment => [payment.cents, payment.kind], { key: int64, value: string }),
)
expectSame<KTable<string, number>>()(byKind.count())
expectSame<KTable<string, Payment>>()(
  byKind.reduce(
    one => one,
    one => one,
  ),
)
expectSame<KTable<string, number>>()(
  byKind.aggregate(
    () => 0,
    (sum, payment) => sum + payment.cents,
    (sum, payment) => sum - payment.cents,
  ),
)
expectSame<KTable<string, readonly Payment[]>>()(byKind.top(3, { by: payment => payment.cents }))

// Global tables.
expectSame<GlobalKTable<number, string>>()(global.filter(rate => rate !== ''))
expectSame<GlobalKTable<number, number>>()(global.map((rate, key) => rate.length + key))
expectSame<View<number, string>>()(global.view('rates'))

// The check itself tells apart what is only assignable.
// @ts-expect-error a narrower value
expectSame<KStream<string, Payment>>()(stream.map((): Card => ({ kind: 'card', cents: 1, number: '' })))
// @ts-expect-error any key
expectSame<KStream<unknown, Payment>>()(stream)
