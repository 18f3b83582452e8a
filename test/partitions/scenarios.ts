import assert from 'node:assert/strict'
import { app } from '../../src/app/app.ts'
import { createTopics, listTopics } from '../../src/client/admin.ts'
import type { Cluster } from '../../src/client/cluster.ts'
import { Producer } from '../../src/client/producer.ts'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'

async function internalTopics(cluster: Cluster, applicationId: string): Promise<Record<string, number>> {
  const topics = (await listTopics(cluster)).filter(({ name }) => name.startsWith(`${applicationId}-`))
  return Object.fromEntries(
    topics.map(({ name, partitions }) => [name.slice(applicationId.length + 1), partitions.length]),
  )
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 15_000
  while (!(await isSo())) {
    assert.ok(performance.now() < deadline, 'it did not become so within 15 s')
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

/** A table joins another by foreign key; both change, and every result follows. */
export async function joinTablesByForeignKey(cluster: Cluster, lefts: number, rights: number): Promise<void> {
  const id = `library-${lefts}-${rights}`
  const books = topic(`${id}.books`, { key: string, value: string, partitions: lefts })
  const authors = topic(`${id}.authors`, { key: string, value: string, partitions: rights })
  const library = app(id)
  const written = library
    .table(books)
    .joinByForeignKey(
      library.table(authors),
      author => author,
      (author, name) => `${author} is ${name}`,
      { name: 'written' },
    )
    .view('written')
  await using running = await library.start({ cluster, store: 'memory', commitIntervalMs: 10 })
  const appended: Promise<unknown>[] = []
  for (let i = 0; i < 40; i++) appended.push(running.append(authors, `a${i}`, `name ${i}`))
  for (let i = 0; i < 400; i++) appended.push(running.append(books, `b${i}`, `a${i % 50}`))
  await Promise.all(appended)
  const expected = new Map<string, string>()
  for (let i = 0; i < 400; i++) if (i % 50 < 40) expected.set(`b${i}`, `a${i % 50} is name ${i % 50}`)
  const joined = async () =>
    Object.fromEntries((await written.find()).rows.map(({ key, value }) => [key, value]))
  await until(async () => Object.keys(await joined()).length === expected.size)
  assert.deepEqual(await joined(), Object.fromEntries(expected))

  // An author comes, one goes, one is renamed; a book is withdrawn, one turns out to be another author's.
  await running.append(authors, 'a45', 'name 45')
  await running.append(authors, 'a7', null)
  await running.append(authors, 'a9', 'renamed')
  await running.append(books, 'b1', null)
  await running.append(books, 'b2', 'a45')
  for (let i = 0; i < 400; i++) {
    if (i % 50 === 45) expected.set(`b${i}`, 'a45 is name 45')
    if (i % 50 === 7) expected.delete(`b${i}`)
    if (i % 50 === 9) expected.set(`b${i}`, 'a9 is renamed')
  }
  expected.delete('b1')
  expected.set('b2', 'a45 is name 45')
  await until(async () => {
    const rows = await joined()
    return (
      rows['b2'] === 'a45 is name 45' &&
      rows['b1'] === undefined &&
      rows['b395'] === 'a45 is name 45' &&
      Object.keys(rows).length === expected.size &&
      Object.values(rows).filter(row => row === 'a9 is renamed').length === 8
    )
  })
  assert.deepEqual(await joined(), Object.fromEntries(expected))

  assert.deepEqual(await internalTopics(cluster, id), {
    topology: 1,
    'written-subscription-registration-stale-changelog': lefts,
    'written-subscription-registration-topic': rights,
    'written-subscription-response-topic': lefts,
    'written-subscription-store-changelog': rights,
    'written-changelog': lefts,
  })
}

/** Tables that are aggregates of re-keyed streams join by foreign key: no co-partition group has an external topic. */
export async function joinTablesBehindRepartitions(cluster: Cluster): Promise<void> {
  const views = topic('views', { key: string, value: string, partitions: 4 })
  const links = topic('links', { key: string, value: string, partitions: 3 })
  const site = app('behind')
  const latest = site
    .stream(views)
    .selectKey(text => text.split('>')[0] ?? '')
    .groupByKey({ name: 'by-page' })
    .reduce((_, text) => text, { store: 'latest' })
  const titles = site
    .stream(links)
    .selectKey(text => text.split('=')[0] ?? '')
    .groupByKey({ name: 'by-target' })
    .reduce((_, text) => text, { store: 'titles' })
  const joined = latest
    .joinByForeignKey(
      titles,
      text => text.split('>')[1] ?? '',
      (left, right) => `${left} ${right}`,
      { name: 'joined' },
    )
    .view('joined')
  await using running = await site.start({ cluster, store: 'memory', commitIntervalMs: 10 })
  for (let i = 0; i < 20; i++) {
    await running.append(views, `v${i}`, `page${i}>target${i % 6}`)
    if (i < 6) await running.append(links, `l${i}`, `target${i}=title${i}`)
  }
  await until(async () => (await joined.find()).rows.length === 20)
  const rows = (await joined.find()).rows.map(({ value }) => value)
  const expected = Array.from(
    { length: 20 },
    (_, i) => `page${i}>target${i % 6} target${i % 6}=title${i % 6}`,
  )
  assert.deepEqual(rows.toSorted(), expected.toSorted())
  // The topics of the join lead in a circle, which takes the greatest number that flows into it.
  assert.deepEqual(await internalTopics(cluster, 'behind'), {
    'by-page-repartition': 4,
    'by-target-repartition': 4,
    'joined-changelog': 4,
    'joined-subscription-registration-stale-changelog': 4,
    'joined-subscription-registration-topic': 4,
    'joined-subscription-response-topic': 4,
    'joined-subscription-store-changelog': 4,
    'latest-changelog': 4,
    'titles-changelog': 4,
    topology: 1,
  })
}

/** Streams join a table that was filled before, through any of its partitions. */
export async function joinGlobalTable(cluster: Cluster): Promise<void> {
  const products = topic('global.products', { key: string, value: string, partitions: 3 })
  const sales = topic('global.sales', { key: string, value: string, partitions: 2 })
  const shop = app('global')
  const sold = shop
    .stream(sales)
    .joinGlobal(
      shop.globalTable(products),
      product => product,
      (product, description) => `${product}: ${description}`,
    )
    .toTable()
    .view('sold')
  await createTopics(cluster, [products, sales])
  await using producer = new Producer(cluster)
  for (let i = 0; i < 100; i++) {
    producer.append(products.name, undefined, i, Buffer.from(`p${i}`), Buffer.from(`product ${i}`), [])
    producer.append(sales.name, undefined, i, Buffer.from(`s${i}`), Buffer.from(`p${i}`), [])
  }
  await producer.flush()
  await using _running = await shop.start({ cluster, store: 'memory', commitIntervalMs: 10 })
  await until(async () => (await sold.find()).rows.length === 100)
  for (const { key, value } of (await sold.find()).rows) {
    const number = key.slice(1)
    assert.equal(value, `p${number}: product ${number}`)
  }
}
