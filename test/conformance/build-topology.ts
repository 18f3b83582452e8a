import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { CogroupedKStream } from '../../src/streams/dsl/cogrouped-kstream.ts'
import { GlobalKTable } from '../../src/streams/dsl/global-ktable.ts'
import { KGroupedStream } from '../../src/streams/dsl/kgrouped-stream.ts'
import { KGroupedTable } from '../../src/streams/dsl/kgrouped-table.ts'
import { KStream } from '../../src/streams/dsl/kstream.ts'
import { KTable } from '../../src/streams/dsl/ktable.ts'
import { SessionKStream } from '../../src/streams/dsl/session-kstream.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import * as functions from './functions.ts'
import { WindowedKStream } from '../../src/streams/dsl/windowed-kstream.ts'
import type { JoinWindows } from '../../src/streams/processors/join-windows.ts'
import type { Windowed } from '../../src/streams/processors/windowed-key.ts'
import {
  hopping,
  sessions,
  sliding,
  type SlidingWindows,
  type TimeWindows,
  tumbling,
} from '../../src/streams/processors/windows.ts'
import { type Operator, UnknownOperator } from './vector.ts'

type Stream = KStream<string, string>
type Table = KTable<string, string>
type Global = GlobalKTable<string, string>
type Cogrouped = CogroupedKStream<string, string>
type Windows = WindowedKStream<string, string>
type WindowedTable = KTable<Windowed<string>, string>
/** A cogrouped stream waits for its windows until it is aggregated. */
type WindowedCogroup = ReturnType<Cogrouped['windowedBy']>
type Sessions = SessionKStream<string, string>
type Handle =
  | Windows
  | Sessions
  | WindowedTable
  | KTable<Windowed<string>, number>
  | WindowedCogroup
  | Global
  | Cogrouped
  | Stream
  | Table
  | KTable<string, number>
  | KGroupedStream<string, string>
  | KGroupedTable<string, string>

const text = { value: string }

/** A topic of the vectors: text keys and values. */
export function textTopic(name: string) {
  return topic(name, { key: string, value: string })
}

/** Builds a vector's topology through the public DSL. Throws UnknownOperator. */
export function buildTopology(operators: readonly Operator[]): StreamsBuilder {
  const builder = new StreamsBuilder()
  const handles = new Map<string, Handle>()
  const fields = new Fields(handles)
  for (const operator of operators) {
    const build = BUILDERS[operator.op]
    if (build === undefined) throw new UnknownOperator(operator.op)
    const result = build(operator, fields, builder)
    if (result === undefined) continue
    if (result instanceof Map)
      for (const [name, handle] of result) handles.set(`${operator.id}.${name}`, handle)
    else handles.set(operator.id as string, result)
  }
  return builder
}

type Build = (
  operator: Operator,
  fields: Fields,
  builder: StreamsBuilder,
) => Handle | Map<string, Handle> | undefined

const BUILDERS: Readonly<Record<string, Build>> = {
  stream: ({ topics }, _fields, builder) => {
    const [first, ...rest] = (topics as string[]).map(textTopic)
    return builder.stream([first as ReturnType<typeof textTopic>, ...rest])
  },
  table: (operator, _fields, builder) =>
    builder.table(textTopic(operator['topic'] as string), storeOf(operator)),
  versionedTable: (operator, _fields, builder) =>
    builder.versionedTable(textTopic(operator['topic'] as string), {
      ...storeOf(operator),
      historyRetentionMs: operator['historyRetentionMs'] as number,
    }),
  globalTable: (operator, _fields, builder) =>
    builder.globalTable(textTopic(operator['topic'] as string), storeOf(operator)),
  cogroup: ({ groups }, fields) => {
    let cogrouped: Cogrouped | undefined
    for (const { from, aggregator, tag } of groups as Record<'from' | 'aggregator' | 'tag', string>[]) {
      const grouped = fields.grouped(from) as KGroupedStream<string, string>
      const add = functions.aggregator(aggregator)
      const tagged = (aggregate: string, value: string) => add(aggregate, tag + value)
      cogrouped =
        cogrouped === undefined ? grouped.cogroup<string>(tagged) : cogrouped.cogroup(grouped, tagged)
    }
    return cogrouped
  },
  filter: (operator, fields) => {
    const { from, predicate } = fields.unary(operator)
    return from instanceof KTable ? from.filter(predicate(), storeOf(operator)) : from.filter(predicate())
  },
  filterNot: (operator, fields) => {
    const { from, predicate } = fields.unary(operator)
    return from instanceof KTable
      ? from.filterNot(predicate(), storeOf(operator))
      : from.filterNot(predicate())
  },
  mapValues: (operator, fields) => {
    const { from, mapper } = fields.unary(operator)
    return from instanceof KTable
      ? from.map(mapper(), { ...text, ...storeOf(operator) })
      : from.map(mapper(), text)
  },
  flatMapValues: (operator, fields) =>
    fields.stream(operator['from']).flatMap(functions.flatMapper(operator['mapper'] as string), text),
  // The new key comes from the old key and value, so it is selected before the value changes.
  map: (operator, fields) =>
    fields
      .stream(operator['from'])
      .selectKey(functions.keySelector(operator['key'] as string))
      .map(functions.mapper(operator['mapper'] as string), text),
  selectKey: (operator, fields) =>
    fields.stream(operator['from']).selectKey(functions.keySelector(operator['key'] as string)),
  merge: (operator, fields) => fields.stream(operator['from']).merge(fields.stream(operator['with'])),
  repartition: (operator, fields) => fields.stream(operator['from']).repartition(),
  branch: (operator, fields) => {
    const predicates = (operator['predicates'] as string[]).map(name => functions.predicate(name))
    const branches = Object.fromEntries(predicates.map((predicate, index) => [`b${index}`, predicate]))
    const hasDefault = operator['default'] === true
    const streams = fields
      .stream(operator['from'])
      .split(branches, hasDefault ? { default: 'default' } : {}) as Record<string, Stream>
    return new Map(Object.entries(streams).map(([name, stream]) => [name.replace(/^b(?=\d)/, ''), stream]))
  },
  toTable: (operator, fields) => fields.stream(operator['from']).toTable(storeOf(operator)),
  toStream: (operator, fields) => {
    const table = fields.get(operator['from']) as KTable<string | Windowed<string>, string | number>
    return table
      .toStream()
      .map(value => (value === null ? null : String(value)), text)
      .selectKey((_value, key) => (typeof key === 'string' ? key : `${key.key}@${key.start}/${key.end}`))
  },
  groupByKey: (operator, fields) => fields.stream(operator['from']).groupByKey(),
  groupBy: (operator, fields) => {
    const from = fields.get(operator['from'])
    const select = functions.keySelector(operator['key'] as string)
    return from instanceof KTable ? (from as Table).groupBy(select) : (from as Stream).groupBy(select)
  },
  window: ({ from, window, emit }, fields) => {
    const source = fields.get(from)
    const options = emit === 'onWindowClose' ? ({ emit } as const) : {}
    if ((window as WindowFields).type === 'session') {
      const gaps = sessions(window as { gapMs: number; graceMs: number })
      if (source instanceof CogroupedKStream) return source.sessions(gaps, functions.merger)
      return (source as KGroupedStream<string, string>).sessions(gaps, options)
    }
    const windows = timeWindows(window as WindowFields)
    if (source instanceof CogroupedKStream) return source.windowedBy(windows)
    return (source as KGroupedStream<string, string>).windowedBy(windows, options)
  },
  suppress: ({ from, until, timeLimitMs, maxRecords }, fields) => {
    const limits = maxRecords === undefined ? {} : { maxRecords: maxRecords as number }
    if (until === 'windowCloses') return (fields.get(from) as WindowedTable).suppressUntilWindowCloses(limits)
    if (until !== 'timeLimit') throw new UnknownOperator(`suppress until ${String(until)}`)
    return (fields.get(from) as Table).suppressUntilTimeLimit(timeLimitMs as number, limits)
  },
  count: (operator, fields) => {
    const from = fields.get(operator['from'])
    if (from instanceof WindowedKStream || from instanceof SessionKStream) {
      return from.count(windowStoreOf(operator))
    }
    return fields.grouped(operator['from']).count(storeOf(operator))
  },
  reduce: (operator, fields) => {
    const from = fields.get(operator['from'])
    if (from instanceof WindowedKStream || from instanceof SessionKStream) {
      return from.reduce(functions.reducer(operator['reducer'] as string), windowStoreOf(operator))
    }
    const grouped = fields.grouped(operator['from'])
    if (grouped instanceof KGroupedTable) throw new UnknownOperator('reduce of a grouped table')
    return grouped.reduce(functions.reducer(operator['reducer'] as string), storeOf(operator))
  },
  aggregate: (operator, fields) => {
    const from = fields.get(operator['from'])
    if (from instanceof CogroupedKStream) {
      return from.aggregate(() => '', { ...text, ...storeOf(operator) })
    }
    if (from instanceof WindowedKStream) {
      const add = functions.aggregator(operator['aggregator'] as string)
      return from.aggregate(() => '', add, { ...text, ...windowStoreOf(operator) })
    }
    if (from instanceof SessionKStream) {
      const add = functions.aggregator(operator['aggregator'] as string)
      const { merger } = functions
      return from.aggregate(() => '', add, { ...text, ...windowStoreOf(operator), merger })
    }
    if (!(from instanceof KGroupedStream) && !(from instanceof KGroupedTable)) {
      return (from as WindowedCogroup).aggregate(() => '', { ...text, ...windowStoreOf(operator) })
    }
    const grouped = fields.grouped(operator['from'])
    const options = { ...text, ...storeOf(operator) }
    const add = functions.aggregator((operator['aggregator'] ?? 'log') as string)
    return grouped instanceof KGroupedTable
      ? grouped.aggregate(() => '', add, functions.subtractor, options)
      : grouped.aggregate(() => '', add, options)
  },
  join: (operator, fields) => {
    const left = fields.get(operator['left'])
    const right = fields.get(operator['right'])
    if (right instanceof GlobalKTable) {
      const select = functions.keySelector(operator['key'] as string)
      const join = operator['how'] === 'left' ? 'leftJoinGlobal' : 'joinGlobal'
      return (left as Stream)[join](right, select, functions.joiner, text)
    }
    if (right instanceof KStream) return joinStreams(operator, left as Stream, right)
    if (operator['foreignKey'] !== undefined) return joinByForeignKey(operator, left as Table, right as Table)
    const how = operator['how'] as string
    const options = { ...text, ...storeOf(operator) }
    if (left instanceof KTable) return joinTables(how, left as Table, right as Table, options)
    if (how === 'outer') throw new UnknownOperator('outer join of a stream and a table')
    const { graceMs } = operator as { graceMs?: number }
    const grace = { ...text, ...(graceMs === undefined ? {} : { graceMs }) }
    return how === 'left'
      ? (left as Stream).leftJoin(right as Table, functions.joiner, grace)
      : (left as Stream).join(right as Table, functions.joiner, grace)
  },
  to: (operator, fields) => {
    fields.stream(operator['from']).to(textTopic(operator['topic'] as string))
    return undefined
  },
}

interface WindowFields {
  readonly type: string
  readonly sizeMs: number
  readonly advanceMs: number
  readonly timeDifferenceMs: number
  readonly graceMs: number
}

function timeWindows(window: WindowFields): TimeWindows | SlidingWindows {
  if (window.type === 'sliding') return sliding(window)
  if (window.type === 'tumbling') return tumbling(window)
  if (window.type === 'hopping') return hopping(window)
  throw new UnknownOperator(`window of the type ${window.type}`)
}

/** Window stores of the vectors keep rows for an hour. */
function windowStoreOf(operator: Operator) {
  return { ...storeOf(operator), retentionMs: 3_600_000 }
}

function joinByForeignKey(operator: Operator, left: Table, right: Table): Table {
  const select = functions.keySelector(operator['foreignKey'] as string)
  const options = { ...text, ...storeOf(operator) }
  return operator['how'] === 'left'
    ? left.leftJoinByForeignKey(right, select, functions.joiner, options)
    : left.joinByForeignKey(right, select, functions.joiner, options)
}

function joinStreams(operator: Operator, left: Stream, right: Stream): Stream {
  const { beforeMs, afterMs, graceMs } = operator as unknown as JoinWindows
  const options = { ...text, within: { beforeMs, afterMs, graceMs } }
  if (operator['how'] === 'outer') return left.outerJoin(right, functions.joiner, options)
  if (operator['how'] === 'left') return left.leftJoin(right, functions.joiner, options)
  return left.join(right, functions.joiner, options)
}

function joinTables(how: string, left: Table, right: Table, options: typeof text): Table {
  if (how === 'outer') return left.outerJoin(right, functions.joiner, options)
  if (how === 'left') return left.leftJoin(right, functions.joiner, options)
  return left.join(right, functions.joiner, options)
}

function storeOf(operator: Operator): { store?: string } {
  return operator['store'] === undefined ? {} : { store: operator['store'] as string }
}

/** Reads an operator's fields as what they refer to. */
class Fields {
  readonly #handles: ReadonlyMap<string, Handle>

  constructor(handles: ReadonlyMap<string, Handle>) {
    this.#handles = handles
  }

  get(id: unknown): Handle {
    const handle = this.#handles.get(id as string)
    if (handle === undefined) throw new Error(`the vector refers to ${String(id)}, which it does not define`)
    return handle
  }

  stream(id: unknown): Stream {
    const handle = this.get(id)
    if (handle instanceof KStream) return handle
    throw new Error(`the vector uses ${String(id)} as a stream, which it is not`)
  }

  grouped(id: unknown): KGroupedStream<string, string> | KGroupedTable<string, string> {
    const handle = this.get(id)
    if (handle instanceof KGroupedStream || handle instanceof KGroupedTable) return handle
    throw new Error(`the vector aggregates ${String(id)}, which is not grouped`)
  }

  unary(operator: Operator) {
    return {
      from: this.get(operator['from']) as Stream | Table,
      predicate: () => functions.predicate(operator['predicate'] as string),
      mapper: () => functions.mapper(operator['mapper'] as string),
    }
  }
}
