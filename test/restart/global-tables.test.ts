import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openCluster } from '../../src/app/open-cluster.ts'
import {
  createPartitions,
  createTopics,
  deleteRecords,
  deleteTopics,
  listOffsets,
} from '../../src/client/admin.ts'
import type { Cluster } from '../../src/client/cluster.ts'
import { Producer } from '../../src/client/producer.ts'
import { readTopic } from '../../src/client/read-topic.ts'
import type { Codec } from '../../src/contracts/codec.ts'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'
import { isEvertError } from '../../src/errors.ts'
import type { GlobalKTable } from '../../src/streams/dsl/global-ktable.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import type { Topology } from '../../src/streams/graph/topology.ts'
import { Application, startApplication } from '../../src/streams/runtime/application.ts'
import type { ApplicationOptions } from '../../src/streams/runtime/application-options.ts'
import type { StateEngine } from '../../src/streams/state/byte-store.ts'
import { LmdbEngine } from '../../src/streams/state/lmdb.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'

/** Refuses the text `broken`. */
const careful: Codec<string> = {
  name: 'careful',
  encode: text => Buffer.from(text),
  decode(bytes) {
    if (bytes.toString() === 'broken') throw new Error('it is broken')
    return bytes.toString()
  },
}
const products = topic('products', { key: string, value: careful, partitions: 3 })
const sales = topic('sales', { key: string, value: string, partitions: 2 })
const named = topic('named', { key: string, value: string, partitions: 2 })

function topology(derive: (catalogue: GlobalKTable<string, string>) => void = () => {}): Topology {
  const builder = new StreamsBuilder()
  const catalogue = builder.globalTable(products, { store: 'catalogue' })
  derive(catalogue)
  builder
    .stream(sales)
    .joinGlobal(
      catalogue,
      product => product,
      (product, description) => `${product}: ${description}`,
    )
    .to(named)
  return builder.build('shop')
}

type Rows = Record<string, string | null>

/** Writes one product after the other, so that offsets are in that order. */
async function write(cluster: Cluster, to: { readonly name: string }, rows: Rows): Promise<void> {
  await using producer = new Producer(cluster)
  for (const [key, value] of Object.entries(rows)) {
    const bytes = value === null ? null : Buffer.from(value)
    producer.append(to.name, undefined, 1, Buffer.from(key), bytes, [])
  }
  await producer.flush()
}

function numbered(from: number, count: number, text = 'product'): Rows {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${from + i}`, `${text} ${from + i}`]))
}

function rowsOf({ globalTables }: Application, store = 'catalogue'): Rows {
  const rows = globalTables.keyValue<string>(store).range()
  return Object.fromEntries(Array.from(rows, ([key, { value }]) => [key, value]))
}

interface Started {
  readonly application: Application
  /** Records that were read to fill the table. */
  readonly read: number
  readonly warnings: string[]
}

async function start(
  cluster: Cluster,
  engine: StateEngine,
  options: Partial<ApplicationOptions> = {},
): Promise<Started> {
  const progress: { records: number; remaining: number }[] = []
  const warnings: string[] = []
  const application = await startApplication({
    topology: topology(),
    cluster,
    engine,
    commitIntervalMs: 10,
    logger: { info() {}, warn: message => warnings.push(message) },
    onRestore: (task, each) => {
      if (task === 'global') progress.push(each)
    },
    ...options,
  })
  // The group knows the member only now: no task can have run before.
  assert.equal(progress.at(-1)?.remaining ?? 0, 0)
  await application.whenRunning()
  return { application, read: progress.at(-1)?.records ?? 0, warnings }
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!(await isSo())) {
    assert.ok(performance.now() < deadline, 'it did not become so within 10 s')
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

async function valuesOf(cluster: Cluster, { name }: { readonly name: string }): Promise<string[]> {
  const values: string[] = []
  for await (const { batches } of readTopic(cluster, name)) {
    for (const batch of batches) {
      const columns = batch.records()
      for (let i = 0; i < columns.count; i++) values.push(columns.value(i)?.toString() ?? '')
    }
  }
  return values.toSorted()
}

function directoryFor(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'evert-global-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

test('every instance holds all rows, follows the topic, and joins streams with it', async () => {
  await using cluster = await openCluster('memory:global-instances')
  await createTopics(cluster, [products, sales, named])
  await write(cluster, products, numbered(0, 300))
  const one = await start(cluster, new MemoryEngine())
  const two = await start(cluster, new MemoryEngine())
  for (const { application, read } of [one, two]) {
    assert.equal(read, 300)
    assert.deepEqual(rowsOf(application), numbered(0, 300))
  }
  await until(() => [one, two].every(({ application }) => application.tasks().length === 1))

  await write(cluster, products, { p0: 'changed', p1: null, p300: 'product 300' })
  const { p1: _, ...rest }: Rows = { ...numbered(0, 301), p0: 'changed' }
  await until(() => [one, two].every(({ application }) => rowsOf(application)['p300'] !== undefined))
  await until(() => [one, two].every(({ application }) => rowsOf(application)['p1'] === undefined))
  await until(() => [one, two].every(({ application }) => rowsOf(application)['p0'] === 'changed'))
  for (const { application } of [one, two]) assert.deepEqual(rowsOf(application), rest)

  // Each instance has one of the two partitions of the stream and needs rows of all three of the table.
  const sold = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`s${i}`, `p${i * 5}`]))
  await write(cluster, sales, { ...sold, gone: 'p1', unknown: 'p999' })
  const expected = Object.values(sold).map(product => `${product}: ${rest[product]}`)
  await until(async () => (await valuesOf(cluster, named)).length === 60)
  assert.deepEqual(await valuesOf(cluster, named), expected.toSorted())
  await Promise.all([one.application.close(), two.application.close()])
})

test('tasks start only when the table has come to the end that it had', async () => {
  await using cluster = await openCluster('memory:global-first')
  await createTopics(cluster, [products, sales, named])
  await write(
    cluster,
    sales,
    Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`s${i}`, `p${i * 50}`])),
  )
  await write(cluster, products, numbered(0, 5_000, 'x'.repeat(1_000)))
  const { application } = await start(cluster, new MemoryEngine())
  await until(async () => (await valuesOf(cluster, named)).length === 100)
  await application.close()
})

for (const ending of ['close', 'abandon'] as const) {
  test(`after ${ending} on disk only what is missing is read`, async t => {
    const directory = directoryFor(t)
    await using cluster = await openCluster(`memory:global-${ending}`)
    await createTopics(cluster, [products, sales, named])
    await write(cluster, products, numbered(0, 500))
    const first = new LmdbEngine(directory)
    const one = await start(cluster, first)
    assert.equal(one.read, 500)
    await one.application[ending]()
    await first.close()

    await write(cluster, products, { ...numbered(490, 20, 'newer'), p3: null })
    const second = new LmdbEngine(directory)
    const two = await start(cluster, second)
    assert.equal(two.read, 21)
    const { p3: _, ...rest }: Rows = { ...numbered(0, 490), ...numbered(490, 20, 'newer') }
    assert.deepEqual(rowsOf(two.application), rest)
    await two.application.close()
    await second.close()
    assert.ok(second.tasks().includes('global'))
  })
}

test('a derived table that is new reads the topic from the start; the table that it follows from reads on', async () => {
  await using cluster = await openCluster('memory:global-derived')
  await createTopics(cluster, [products, sales, named])
  await write(cluster, products, numbered(0, 40))
  const engine = new MemoryEngine()
  const one = await start(cluster, engine)
  await one.application.close()
  await write(cluster, products, { p0: 'changed', p1: null })

  const seen: string[] = []
  const derived = topology(catalogue =>
    catalogue
      .filter(product => product.length < 10)
      .map(
        (product, key) => {
          seen.push(key)
          return `${key} ${product}`
        },
        { store: 'short' },
      ),
  )
  const two = await start(cluster, engine, { topology: derived })
  const { p1: _, ...rest }: Rows = { ...numbered(0, 40), p0: 'changed' }
  const short = (rows: Rows): Rows =>
    Object.fromEntries(
      Object.entries(rows).flatMap(([key, value]) =>
        (value as string).length < 10 ? [[key, `${key} ${value}`]] : [],
      ),
    )
  assert.deepEqual(rowsOf(two.application), rest)
  assert.deepEqual(rowsOf(two.application, 'short'), short(rest))
  assert.equal(Object.keys(short(rest)).length, 9)
  await write(cluster, products, { p5: 'a long product', p6: 'tiny' })
  await until(() => rowsOf(two.application, 'short')['p6'] === 'p6 tiny')
  await until(() => rowsOf(two.application, 'short')['p5'] === undefined)
  await two.application.close()

  seen.length = 0
  const three = await start(cluster, engine, { topology: derived })
  const { p5: _long, ...kept }: Rows = { ...rest, p6: 'tiny' }
  assert.deepEqual(rowsOf(three.application, 'short'), short(kept))
  assert.deepEqual(seen, [], 'rows that are there are not made again')
  await three.application.close()
})

test('a function of a derived table that fails is met as a record that does not decode', async () => {
  await using cluster = await openCluster('memory:global-failing')
  await createTopics(cluster, [products, sales, named])
  await write(cluster, products, { p1: 'one', p2: 'bad', p3: 'three' })
  const failing = topology(catalogue => {
    catalogue.map(
      product => {
        if (product === 'bad') throw new Error('no such product')
        return product
      },
      { store: 'checked' },
    )
  })
  const { application, warnings } = await start(cluster, new MemoryEngine(), {
    topology: failing,
    onError: 'skip',
  })
  assert.deepEqual(rowsOf(application, 'checked'), { p1: 'one', p3: 'three' })
  assert.deepEqual(rowsOf(application), { p1: 'one', p2: 'bad', p3: 'three' })
  assert.match(warnings.join(), /"checked" passes over.*no such product/)
  await application.close()
})

test('a topic that was made again empties the table first, and a log that was cut off behind it too', async () => {
  await using cluster = await openCluster('memory:global-recreated')
  await createTopics(cluster, [products, sales, named])
  await write(cluster, products, numbered(0, 50))
  const engine = new MemoryEngine()
  const one = await start(cluster, engine)
  await one.application.close()
  await deleteTopics(cluster, [products.name])
  await createTopics(cluster, [products])
  await write(cluster, products, numbered(100, 5))
  const two = await start(cluster, engine)
  assert.deepEqual(rowsOf(two.application), numbered(100, 5))
  assert.match(two.warnings.join(), /"catalogue" is dropped.*deleted and made again/)
  await two.application.close()

  await write(cluster, products, numbered(200, 30))
  const ends = await Promise.all([0, 1, 2].map(partition => endOf(cluster, partition)))
  await deleteRecords(
    cluster,
    ends.map(({ partition, offset }) => ({ topic: products.name, partition, offset: offset - 1 })),
  )
  const three = await start(cluster, engine)
  assert.equal(Object.keys(rowsOf(three.application)).length, 3)
  assert.match(three.warnings.join(), /"catalogue" is dropped.*begins at/)
  await three.application.close()
})

test('partitions that a topic is given later are followed', async () => {
  await using cluster = await openCluster('memory:global-wider')
  await createTopics(cluster, [products, sales, named])
  const { application } = await start(cluster, new MemoryEngine())
  await createPartitions(cluster, products.name, 7)
  await cluster.metadata.refresh([products.name])
  await write(cluster, products, numbered(0, 100))
  await until(() => Object.keys(rowsOf(application)).length === 100)
  assert.deepEqual(Object.keys(application.globalTables.offsetsOf('catalogue')), [
    '0',
    '1',
    '2',
    '3',
    '4',
    '5',
    '6',
  ])
  await application.close()
})

const BAD: Rows = { p1: 'fine', p2: 'broken', p3: 'fine too' }

test('a record that does not decode stops the application', async () => {
  await using cluster = await openCluster('memory:global-fail')
  await createTopics(cluster, [products, sales, named])
  await write(cluster, products, BAD)
  const failed = (error: unknown) =>
    isEvertError(error, 'TASK_FAILED') &&
    /"catalogue" stopped at products-\d, offset 1: it is broken/.test(error.message)
  await assert.rejects(start(cluster, new MemoryEngine()), failed)

  // While it follows, too.
  await deleteTopics(cluster, [products.name])
  await createTopics(cluster, [products])
  const { application } = await start(cluster, new MemoryEngine())
  await write(cluster, products, BAD)
  await application.whenEnded()
  assert.equal(application.state, 'ERROR')
  assert.ok(failed(application.failure))
})

test('a record that does not decode is passed over, and the row stays as it was', async () => {
  await using cluster = await openCluster('memory:global-skip')
  await createTopics(cluster, [products, sales, named])
  await write(cluster, products, { p2: 'before' })
  await write(cluster, products, BAD)
  const { application, warnings } = await start(cluster, new MemoryEngine(), { onError: 'skip' })
  assert.deepEqual(rowsOf(application), { p1: 'fine', p2: 'before', p3: 'fine too' })
  assert.equal(application.globalTables.refused, 1)
  assert.deepEqual(
    application.counts.dropped().map(({ task, reason, count }) => [task, reason, count]),
    [['global', 'deserialization', 1]],
  )
  assert.match(warnings.join(), /passes over products-\d, offset 2: it is broken/)
  await application.close()
})

test('a record that does not decode is a dead letter', async () => {
  await using cluster = await openCluster('memory:global-dead')
  await createTopics(cluster, [products, sales, named, { name: 'dead', partitions: 1 }])
  await write(cluster, products, BAD)
  const { application } = await start(cluster, new MemoryEngine(), { onError: { deadLetter: 'dead' } })
  assert.deepEqual(rowsOf(application), { p1: 'fine', p3: 'fine too' })
  assert.deepEqual(await valuesOf(cluster, { name: 'dead' }), ['broken'])
  await application.close()
})

test('closing while the table is being filled ends the start', async () => {
  await using cluster = await openCluster('memory:global-closing')
  await createTopics(cluster, [products, sales, named])
  await write(cluster, products, numbered(0, 5_000, 'x'.repeat(1_000)))
  let closing: Promise<void> | undefined
  const application: Application = new Application({
    topology: topology(),
    cluster,
    engine: new MemoryEngine(),
    onRestore: () => {
      closing ??= application.close()
    },
  })
  await assert.rejects(application.start(), error => isEvertError(error, 'CLOSED'))
  assert.ok(closing !== undefined)
  await closing
  assert.equal(application.state, 'NOT_RUNNING')
})

test('a global table is not written by tasks', async () => {
  await using cluster = await openCluster('memory:global-read-only')
  await createTopics(cluster, [products, sales, named])
  const { application } = await start(cluster, new MemoryEngine())
  assert.throws(
    () => application.globalTables.keyValue<string>('catalogue').put('p1', 'mine', 1),
    error => isEvertError(error, 'INVALID_ARGUMENT'),
  )
  await application.close()
})

async function endOf(cluster: Cluster, partition: number) {
  const [end] = await listOffsets(cluster, [{ topic: products.name, partition, at: 'latest' }])
  return end ?? assert.fail()
}
