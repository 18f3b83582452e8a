import {
  type GlobalKTable,
  int64,
  keyValueStore,
  sessions,
  sliding,
  string,
  StreamsBuilder,
  topic,
  tumbling,
  type Windowed,
} from '../../src/index.ts'

const text = (name: string) => topic(name, { key: string, value: string })
const numbers = (name: string) => topic(name, { key: string, value: int64 })
const asText = { value: string }
const both = (left: string | null, right: string | null) => `${left}${right}`
const start = () => ''
const add = (all: string, value: string) => all + value
const byValue = (value: string) => value
const minute = tumbling({ sizeMs: 60_000, graceMs: 0 })
const within = { beforeMs: 60_000, afterMs: 60_000, graceMs: 0 }
const keyOf = (_: unknown, windowed: Windowed<string>) => windowed.key
const out = (name = 'out') => text(name)
const counts = (name = 'out') => numbers(name)

const input = (builder: StreamsBuilder) => builder.stream(text('in'))
const other = (builder: StreamsBuilder) => builder.stream(text('other'))
const keyed = (builder: StreamsBuilder) => input(builder).selectKey(byValue)

/** The topologies of java/Topologies.java, by their names there. */
export const TOPOLOGIES: Readonly<Record<string, (builder: StreamsBuilder) => void>> = {
  'tumbling count': b => {
    const counted = input(b).groupByKey().windowedBy(minute).count().toStream()
    // Kafka's toStream changes the key by itself.
    counted.selectKey(keyOf).to(counts())
  },
  'named windowed count behind a repartition': b => {
    input(b)
      .groupBy(byValue, { name: 'by-value' })
      .windowedBy(minute)
      .count({ name: 'counted', store: 'counts' })
  },
  'session count': b => {
    input(b)
      .groupByKey()
      .sessions(sessions({ gapMs: 60_000, graceMs: 0 }))
      .count()
  },
  'sliding reduce': b => {
    input(b)
      .groupByKey()
      .windowedBy(sliding({ timeDifferenceMs: 60_000, graceMs: 0 }))
      .reduce(add)
  },
  'suppressed windows': b => {
    const closed = input(b).groupByKey().windowedBy(minute).count().suppressUntilWindowCloses()
    closed.toStream().selectKey(keyOf).to(counts())
  },
  'named suppress of a table': b => {
    const counted = input(b).groupByKey().count({ store: 'counts' })
    counted.suppressUntilTimeLimit(60_000, { name: 'calm' }).toStream().to(counts())
  },
  'inner join of streams': b =>
    input(b)
      .join(other(b), both, { within, ...asText })
      .to(out()),
  'left join of streams': b =>
    input(b)
      .leftJoin(other(b), both, { within, ...asText })
      .to(out()),
  'outer join of streams': b =>
    input(b)
      .outerJoin(other(b), both, { within, ...asText })
      .to(out()),
  'named left join of streams behind repartitions': b => {
    const right = () => other(b).selectKey(byValue)
    keyed(b)
      .leftJoin(right(), both, { within, name: 'joined', ...asText })
      .to(out())
  },
  'self-join': b => {
    const stream = input(b)
    stream.join(stream, both, { within, ...asText }).to(out())
  },
  'foreign-key join': b => {
    b.table(text('l'))
      .joinByForeignKey(b.table(text('r')), byValue, both, asText)
      .toStream()
      .to(out())
  },
  'named left foreign-key join': b => {
    b.table(text('l'))
      .leftJoinByForeignKey(b.table(text('r')), byValue, both, { name: 'joined', store: 'pairs', ...asText })
      .toStream()
      .to(out())
  },
  cogroup: b => {
    const left = input(b).groupByKey()
    left.cogroup(add).cogroup(other(b).groupByKey(), add).aggregate(start, asText).toStream().to(out())
  },
  'cogroup of an unnamed grouping behind a repartition': b => {
    const left = input(b).groupByKey()
    left.cogroup(add).cogroup(other(b).groupBy(byValue), add).aggregate(start, asText).toStream().to(out())
  },
  'named cogroup of one grouping behind a repartition': b => {
    const left = input(b).groupBy(byValue, { name: 'left' })
    left
      .cogroup(add)
      .cogroup(other(b).groupByKey(), add)
      .aggregate(start, { name: 'together', store: 'sums', ...asText })
      .toStream()
      .to(out())
  },
  'windowed cogroup': b => {
    const left = input(b).groupByKey()
    left.cogroup(add).cogroup(other(b).groupByKey(), add).windowedBy(minute).aggregate(start, asText)
  },
  split: b => {
    const { large, middle } = input(b).split(
      { large: value => value.length > 9, middle: value => value.length > 3 },
      { default: 'small' },
    )
    large.to(out())
    middle.map(byValue, asText).to(out('out2'))
  },
  'global table join': b => {
    const global: GlobalKTable<string, string> = b.globalTable(text('g'))
    input(b).joinGlobal(global, byValue, both, asText).leftJoinGlobal(global, byValue, both, asText).to(out())
  },
  'kept outer join of tables': b => {
    b.table(text('l'))
      .outerJoin(b.table(text('r')), both, { name: 'pairs', store: 'pairs-store', ...asText })
      .toStream()
      .to(out())
  },
  'a stream as a table, joined': b => {
    const left = keyed(b).toTable()
    left
      .join(b.table(text('r'), { store: 'right' }), both, asText)
      .toStream()
      .to(out())
  },
  'processors that share a store': b => {
    const seen = keyValueStore('seen', { key: string, value: string })
    const definition = { stores: { seen }, create: () => () => undefined }
    input(b).process(definition).to(out())
    other(b).process(definition, { name: 'second' }).to(out('out2'))
  },
  'two aggregates of a named grouping': b => {
    const grouped = input(b).groupBy(byValue, { name: 'by-value' })
    grouped.count().toStream().to(counts())
    grouped.reduce(add).toStream().to(out('out2'))
  },
  'two aggregates of an unnamed grouping': b => {
    const grouped = input(b).groupBy(byValue)
    grouped.count().toStream().to(counts())
    grouped.reduce(add).toStream().to(out('out2'))
  },
  'merged streams of other keys are counted': b => {
    keyed(b).merge(other(b).selectKey(byValue)).groupByKey().count().toStream().to(counts())
  },
  'two aggregates of a grouped table': b => {
    const grouped = b.table(text('t')).groupBy(byValue)
    grouped.count().toStream().to(counts())
    grouped.reduce(add, add, { store: 'reduced' }).toStream().to(out('out2'))
  },
  'a table through operators, kept by name': b => {
    b.table(text('t'))
      .filter(() => true, { name: 'some', store: 'kept' })
      .map(byValue, asText)
      .toStream({ name: 'changes' })
      .to(out(), { name: 'written' })
  },
  'explicit repartition and several topics': b => {
    b.stream([text('in'), text('in2')], { name: 'read' })
      .repartition({ name: 'again', partitions: 3 })
      .processValues({ create: () => () => undefined })
      .to(out())
  },
  'a stream joins two tables': b => {
    const t = b.table(text('t'))
    const u = b.table(text('u'))
    input(b)
      .join(t, both, asText)
      .leftJoin(u, both, { name: 'second', ...asText })
      .to(out())
  },
  'one stream joins two tables behind one key': b => {
    const stream = keyed(b)
    stream.join(b.table(text('t')), both, asText).to(out())
    stream.join(b.table(text('u')), both, asText).to(out('out2'))
  },
  'optimised: two groupings of one key': b => {
    const stream = keyed(b)
    stream.groupByKey().count().toStream().to(counts())
    stream.groupByKey().reduce(add).toStream().to(out('out2'))
  },
  'optimised: one grouping of one key': b => {
    keyed(b).groupByKey().count()
  },
  'optimised: filters after the key': b => {
    const stream = keyed(b)
    const some = stream.filter(() => true).groupByKey()
    some.count({ store: 'some' }).toStream().to(counts())
    const all = stream.peek(() => {}).groupByKey({ name: 'all' })
    all.count({ store: 'all-of-them' }).toStream().to(counts('out2'))
    stream.to(out('out3'))
  },
  'optimised: mapped values stay before their own topic': b => {
    const stream = keyed(b)
    stream.map(byValue, asText).groupByKey().count().toStream().to(counts())
    stream.groupByKey().count().toStream().to(counts('out2'))
    stream
      .filter(() => true)
      .groupByKey()
      .count()
      .toStream()
      .to(counts('out4'))
  },
  'optimised: an aggregate and joins': b => {
    const stream = keyed(b)
    stream.groupByKey().count({ store: 'counts' }).toStream().to(counts())
    stream.join(b.table(text('t')), both, asText).to(out('out2'))
    stream.join(other(b), both, { within, ...asText }).to(out('out3'))
  },
  'optimised: merged streams': b => {
    const merged = keyed(b).merge(other(b).selectKey(byValue))
    merged.groupByKey().count({ store: 'counts' }).toStream().to(counts())
    merged.groupByKey().reduce(add, { store: 'reduced' }).toStream().to(out('out2'))
  },
  'optimised: explicit repartitions stay': b => {
    const stream = keyed(b)
    stream.repartition({ name: 'again' }).groupByKey().count({ store: 'counts' }).toStream().to(counts())
    stream.groupByKey({ name: 'grouped' }).count({ store: 'more' }).toStream().to(counts('out2'))
  },
  'optimised: a key after a key': b => {
    const stream = keyed(b)
    stream.groupByKey().count({ store: 'first' }).toStream().to(counts())
    const again = stream.selectKey(byValue)
    again.groupByKey().count({ store: 'second' }).toStream().to(counts('out2'))
    again.groupByKey().count({ store: 'third' }).toStream().to(counts('out3'))
  },
  'optimised: groupings with names and a join': b => {
    const stream = keyed(b)
    const counted = stream.filter(() => true).groupByKey({ name: 'count-groupByKey' })
    counted.count({ store: 'count-store' }).toStream().to(counts())
    const source = stream.filter(() => true).peek(() => {})
    source
      .groupByKey({ name: 'aggregate-groupByKey' })
      .aggregate(start, add, { store: 'aggregate-store', ...asText })
      .toStream()
      .to(out('out2'))
    stream.leftJoin(b.table(text('t')), both, asText).to(out('out3'))
  },
}
