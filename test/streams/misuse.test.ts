import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { string } from '../../src/contracts/codecs.ts'
import { json } from '../../src/contracts/json.ts'
import { topic } from '../../src/contracts/topic.ts'
import { testDriver } from '../../src/testing/test-driver.ts'
import { sessions, tumbling } from '../../src/streams/processors/windows.ts'
import { joinTables } from '../../src/streams/dsl/join-tables.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'

const texts = (name: string) => topic(name, { key: string, value: string })
const [input, other, output] = [texts('in'), texts('other'), texts('out')]

/** What the compiler would refuse, as JavaScript may write it. */
type Untyped = Record<string, (...given: unknown[]) => Untyped>
interface Given {
  readonly builder: Untyped
  readonly stream: Untyped
  readonly table: Untyped
  readonly second: Untyped
  readonly grouped: Untyped
  readonly windowed: Untyped
}

function given(): Given {
  const builder = new StreamsBuilder()
  const stream = builder.stream(input)
  const grouped = stream.groupByKey()
  return {
    builder,
    stream,
    grouped,
    windowed: grouped.windowedBy(tumbling({ sizeMs: 1, graceMs: 0 })),
    table: builder.table(other),
    second: builder.table(texts('second')),
  } as unknown as Given
}

const fn = () => 'x'
const absent: unknown = undefined

const misuses: [what: string, call: (given: Given) => unknown, message: string | RegExp][] = [
  // Functions.
  ['map without one', ({ stream }) => stream['map']?.(), 'map needs a function as its mapper; got nothing.'],
  ['map of a string', ({ stream }) => stream['map']?.('x'), 'map needs a function as its mapper; got "x".'],
  [
    'filter',
    ({ stream }) => stream['filter']?.({}),
    /^filter needs a function as its predicate; got an object/,
  ],
  [
    'filterNot',
    ({ stream }) => stream['filterNot']?.(null),
    /^filterNot needs a function as its predicate; got null/,
  ],
  ['flatMap', ({ stream }) => stream['flatMap']?.(), /^flatMap needs a function as its mapper/],
  [
    'mapAsync',
    ({ stream }) => stream['mapAsync']?.(absent, { value: string }),
    /^mapAsync needs a function as its m/,
  ],
  [
    'selectKey',
    ({ stream }) => stream['selectKey']?.('id'),
    /^selectKey needs a function as its selector; got "id"/,
  ],
  ['groupBy', ({ stream }) => stream['groupBy']?.(), /^groupBy needs a function as its selector/],
  ['peek', ({ stream }) => stream['peek']?.(), /^peek needs a function as its action/],
  [
    'split',
    ({ stream }) => stream['split']?.({ big: true }),
    /^split needs a function as its big; got boolean true/,
  ],
  [
    'deduplicate',
    ({ stream }) => stream['deduplicate']?.({ withinMs: 1 }),
    /^deduplicate needs a function as its id/,
  ],
  ['a join', ({ stream, table }) => stream['join']?.(table), /^join needs a function as its joiner/],
  [
    'a join of tables',
    ({ table, second }) => table['join']?.(second),
    /^join needs a function as its joiner/,
  ],
  ['a map of a table', ({ table }) => table['map']?.(), /^map needs a function as its mapper/],
  ['a filter of a table', ({ table }) => table['filter']?.(), /^filter needs a function as its predicate/],
  ['a table by groups', ({ table }) => table['groupBy']?.(), /^groupBy needs a function as its selector/],
  [
    'a foreign key',
    ({ table, second }) => table['joinByForeignKey']?.(second),
    /^joinByForeignKey needs a function as its foreign key/,
  ],
  [
    'a foreign key without a joiner',
    ({ table, second }) => table['joinByForeignKey']?.(second, fn),
    /^joinByForeignKey needs a function as its joiner/,
  ],
  ['reduce', ({ grouped }) => grouped['reduce']?.(), /^reduce needs a function as its reducer/],
  [
    'aggregate of a value',
    ({ grouped }) => grouped['aggregate']?.(0, fn),
    /^aggregate needs a function as its initial; got number 0/,
  ],
  ['aggregate', ({ grouped }) => grouped['aggregate']?.(fn), /^aggregate needs a function as its aggregator/],
  ['cogroup', ({ grouped }) => grouped['cogroup']?.(), /^cogroup needs a function as its aggregator/],
  ['reduce of windows', ({ windowed }) => windowed['reduce']?.(), /^reduce needs a function as its reducer/],
  [
    'aggregate of sessions',
    ({ grouped }) => grouped['sessions']?.(sessions({ gapMs: 1, graceMs: 0 }))['aggregate']?.(fn, fn, {}),
    /^aggregate needs a function as its merger/,
  ],
  [
    'a reduced table',
    ({ table }) => table['groupBy']?.(fn)['reduce']?.(fn),
    /^reduce needs a function as its subtractor/,
  ],
  [
    'joinTables',
    ({ table, second }) => joinTables({ table, second } as never, absent as never),
    /^joinTables needs a function as its joiner/,
  ],
  [
    'a global table',
    ({ builder }) => builder['globalTable']?.(texts('g'))['map']?.(),
    /^map needs a function as its mapper/,
  ],

  // Options.
  [
    'an unknown option',
    ({ grouped }) => grouped['count']?.({ storeName: 'x' }),
    'count has no option "storeName". Its options are name, store, logged, emitOnChange, ttlMs, ttlTime.',
  ],
  [
    'of map',
    ({ stream }) => stream['map']?.(fn, { vlaue: string }),
    /^map has no option "vlaue"\. Its options are name, value\./,
  ],
  [
    'of a source',
    ({ builder }) => builder['stream']?.(other, { timestmp: 'x' }),
    /^stream has no option "timestmp"/,
  ],
  ['of a table', ({ builder }) => builder['table']?.(texts('t'), { ttl: 5 }), /^table has no option "ttl"/],
  ['of a view', ({ table }) => table['view']?.('v', { index: [] }), /^view has no option "index"/],
  [
    'of a join with a table',
    ({ stream, table }) => stream['join']?.(table, fn, { within: {} }),
    /^join has no option "within"/,
  ],
  [
    'of processing',
    ({ stream }) => stream['process']?.({ create: fn, store: {} }),
    /^process has no option "store"/,
  ],
  [
    'of windows',
    ({ grouped }) => grouped['windowedBy']?.(tumbling({ sizeMs: 1, graceMs: 0 }), { late: output }),
    /^windowedBy has no option "late"/,
  ],
  [
    'options that are none',
    ({ stream }) => stream['filter']?.(fn, 'name'),
    /^filter needs an object with its options, which are name; got "name"/,
  ],
  [
    'versionedTable without any',
    ({ builder }) => builder['versionedTable']?.(other),
    /^versionedTable needs an object with its options, which are .*historyRetentionMs; got nothing/,
  ],
  [
    'a schema for a codec',
    ({ stream }) => stream['map']?.(fn, { value: z.string() }),
    /^map needs a codec as its value, such as/,
  ],
  [
    'an emit that there is not',
    ({ grouped }) => grouped['windowedBy']?.(tumbling({ sizeMs: 1, graceMs: 0 }), { emit: 'final' }),
    'windowedBy needs an emit of "onUpdate" or "onWindowClose"; got "final".',
  ],
  [
    'windows that are none',
    ({ grouped }) => grouped['windowedBy']?.({ size: 5 }),
    /^windowedBy needs windows, as tumbling, hopping/,
  ],
  [
    'time windows as sessions',
    ({ grouped }) => grouped['sessions']?.(tumbling({ sizeMs: 1, graceMs: 0 })),
    /^sessions needs windows, as sessions makes them/,
  ],

  // Topics and stores.
  [
    'to nothing',
    ({ stream }) => stream['to']?.(),
    'to needs a topic, as topic(name, { key, value }) makes them; got nothing.',
  ],
  ['to a name', ({ stream }) => stream['to']?.('out'), /^to needs a topic, .* got "out"\.$/],
  [
    'to a choice among none',
    ({ stream }) => stream['to']?.(fn),
    /^to needs the topics that its function may name/,
  ],
  [
    'to a choice among names',
    ({ stream }) => stream['to']?.(fn, { topics: ['out'] }),
    /^to needs a topic, .* got "out"/,
  ],
  [
    'late records to a name',
    ({ grouped }) => grouped['windowedBy']?.(tumbling({ sizeMs: 1, graceMs: 0 }), { lateTo: 'late' }),
    /^windowedBy with lateTo needs a topic, .* got "late"/,
  ],
  ['a stream of nothing', ({ builder }) => builder['stream']?.(), /^stream needs a topic/],
  ['a table of a name', ({ builder }) => builder['table']?.('in'), /^table needs a topic, .* got "in"/],
  [
    'process without a function',
    ({ stream }) => stream['process']?.({}),
    /^process needs a function as its create/,
  ],
  [
    'processValues of a function',
    ({ stream }) => stream['processValues']?.(fn),
    /^processValues needs an object with its options, which are stores, value, create; got a function/,
  ],
  [
    'a store by its name',
    ({ stream }) => stream['process']?.({ create: fn, stores: { seen: 'seen' } }),
    /^process needs a declared store as its stores\.seen: .* got "seen"/,
  ],
]

test('a call that the compiler would refuse is refused when the topology is written, in words', () => {
  for (const [what, call, message] of misuses) {
    assert.throws(() => call(given()), { code: 'INVALID_TOPOLOGY', message }, what)
  }
})

/** What shows with the first task or record only. */
const failing: [what: string, define: (stream: Untyped) => unknown, code: string, message: RegExp][] = [
  [
    'a create that returns nothing',
    s => s['process']?.({ create: () => {} }),
    'INVALID_TOPOLOGY',
    /create that must return a function .* got nothing/,
  ],
  [
    'a create that returns an object',
    s => s['process']?.({ create: () => ({ proces: fn }) }),
    'INVALID_TOPOLOGY',
    /got an object/,
  ],
  [
    'an asynchronous create',
    s => s['process']?.({ create: async () => fn }),
    'INVALID_TOPOLOGY',
    /got an object/,
  ],
  [
    'an asynchronous processor',
    s => s['process']?.({ create: () => async () => {} }),
    'TASK_FAILED',
    /in-0, offset 0, .* a callback that returned a promise/,
  ],
  [
    'an asynchronous filter',
    s => s['filter']?.(async () => true),
    'TASK_FAILED',
    /predicate of "KSTREAM-FILTER-\d+" must return true or false, at once; it returned a promise/,
  ],
  [
    'an asynchronous filterNot',
    s => s['filterNot']?.(async () => true),
    'TASK_FAILED',
    /it returned a promise/,
  ],
  ['a filter that returns a value', s => s['filter']?.(() => 1), 'TASK_FAILED', /it returned number 1/],
  [
    'an asynchronous branch',
    s => s['split']?.({ a: async () => false }),
    'TASK_FAILED',
    /it returned a promise/,
  ],
  [
    'an asynchronous filter of a table',
    s => s['toTable']?.()['filter']?.(async () => true),
    'TASK_FAILED',
    /it returned a promise/,
  ],
  [
    'an asynchronous map',
    s => s['map']?.(async () => 'x')['to']?.(topic('o', { key: string, value: json() })),
    'TASK_FAILED',
    /a promise cannot be written as JSON/,
  ],
]

test('what only a record shows fails the record, in words', () => {
  for (const [what, define, code, message] of failing) {
    const builder = new StreamsBuilder()
    define(builder.stream(input) as unknown as Untyped)
    const run = () => testDriver(builder).send(input, { key: 'k', value: 'v', timestamp: 1 })
    assert.throws(run, { code, message }, what)
  }
})

test('a callback that goes on after its record can do nothing more, and ends nothing', async () => {
  const builder = new StreamsBuilder()
  const later: unknown[] = []
  const create =
    ({ forward }: { readonly forward: (key: string, value: string) => void }) =>
    async () => {
      await Promise.resolve()
      try {
        forward('k', 'late')
      } catch (error) {
        later.push(error)
        throw error
      }
    }
  const stream = builder.stream(input) as unknown as Untyped
  stream['process']?.({ create })['to']?.(output)
  const driver = testDriver(builder, { onError: 'skip' })
  driver.send(input, { key: 'k', value: 'v', timestamp: 1 })
  await new Promise(resolve => setImmediate(resolve))
  assert.match(String(later[0]), /forwards or writes outside of its callbacks/)
  assert.deepEqual(driver.read(output), [])
  assert.deepEqual(
    driver.dropped().map(({ reason, count }) => [reason, count]),
    [['processing', 1]],
  )
})

const windowMisuses: [what: string, make: () => unknown, message: RegExp][] = [
  [
    'a misspelt size',
    () => tumbling({ size: 10, graceMs: 0 } as never),
    /sizeMs >= 1 and graceMs >= 0; got sizeMs nothing, graceMs 0\. There is no option "size"\.$/,
  ],
  [
    'no grace',
    () => tumbling({ sizeMs: 10 } as never),
    /got sizeMs 10, graceMs nothing\. Say how long late records are waited for: graceMs, 0 for not at all\.$/,
  ],
  [
    'a misspelt gap and no grace',
    () => sessions({ gap: 10 } as never),
    /got gapMs nothing, graceMs nothing\. There is no option "gap"\.$/,
  ],
]

test('windows name the option that is misspelt, and ask for the grace where that is missing', () => {
  for (const [what, make, message] of windowMisuses) {
    assert.throws(make, { code: 'INVALID_ARGUMENT', message }, what)
  }
})
