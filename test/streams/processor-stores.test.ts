import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tuple } from '../../src/contracts/ordered.ts'
import { boolean, int64, string } from '../../src/contracts/codecs.ts'
import { json } from '../../src/contracts/json.ts'
import { topic } from '../../src/contracts/topic.ts'
import {
  keyValueStore,
  lruMap,
  sessionStore,
  versionedStore,
  windowStore,
} from '../../src/streams/dsl/stores.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import type { Windowed } from '../../src/streams/processors/windowed-key.ts'
import { sessions } from '../../src/streams/processors/windows.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import { testDriver } from '../../src/testing/test-driver.ts'
import { StoreHarness } from './stores-harness.ts'

const text = { key: string, value: string }

function shown(rows: Iterable<readonly [Windowed<string>, string]>): string[] {
  return Array.from(rows, ([{ key, start, end }, value]) => `${key}[${start},${end})=${value}`)
}

test('a window store is read by key and time, by time over all keys, and backward', () => {
  const store = new StoreHarness(
    windowStore('w', { ...text, sizeMs: 10, retentionMs: 1_000 }),
    new MemoryEngine(),
  )
  store.run(5, w => {
    w.put('a', 'a10', 10)
    w.put('b', 'b10', 10, 7)
    w.put('a', 'a20', 20)
    w.put('aa', 'aa20', 20)
    w.put('a', 'a40', 40)
  })
  store.run(50, w => {
    assert.equal(w.fetch('a', 10), 'a10')
    assert.equal(w.fetch('a', 11), undefined)
    assert.deepEqual(w.fetchRow('a', 10), { value: 'a10', timestamp: 5 })
    assert.deepEqual(w.fetchRow('b', 10), { value: 'b10', timestamp: 7 })
    assert.deepEqual(shown(w.fetch('a', {})), ['a[10,20)=a10', 'a[20,30)=a20', 'a[40,50)=a40'])
    assert.deepEqual(shown(w.fetch('a', { fromMs: 20, toMs: 40, reverse: true })), [
      'a[40,50)=a40',
      'a[20,30)=a20',
    ])
    assert.deepEqual(shown(w.fetch('a', { fromMs: 11, toMs: 19 })), [])
    assert.deepEqual(shown(w.fetchAll({ fromMs: 10, toMs: 20 })), [
      'a[10,20)=a10',
      'b[10,20)=b10',
      'a[20,30)=a20',
      'aa[20,30)=aa20',
    ])
    assert.deepEqual(shown(w.fetchAll({ from: 'aa', to: 'b', reverse: true })), [
      'aa[20,30)=aa20',
      'b[10,20)=b10',
    ])
    w.put('a', null, 20)
    assert.deepEqual(shown(w.fetch('a', {})), ['a[10,20)=a10', 'a[40,50)=a40'])
  })
})

test('windows behind the retention are not found, and a put there is dropped as expired', () => {
  const store = new StoreHarness(
    windowStore('w', { ...text, sizeMs: 10, retentionMs: 100 }),
    new MemoryEngine(),
  )
  store.run(0, w => {
    w.put('a', 'old', 0)
    w.put('a', 'kept', 1)
    w.put('b', 'new', 100)
    assert.deepEqual(shown(w.fetchAll()), ['a[1,11)=kept', 'b[100,110)=new'])
    assert.deepEqual(shown(w.fetch('a', { fromMs: -50 })), ['a[1,11)=kept'])
    assert.equal(w.fetch('a', 0), undefined)
    w.put('a', 'late', 0)
  })
  assert.deepEqual(store.dropped, { expired: 1 })
  // Gone for good, and from the changelog, once a put comes that is far enough ahead.
  store.run(0, w => w.put('b', 'newer', 1_000))
  store.commit()
  const live = new Map(store.changelog('w').map(({ key, value }) => [key, value]))
  assert.equal([...live.values()].filter(value => value !== null).length, 1)
})

test('a window store may keep several values of a key and time, in the order of the puts', () => {
  const store = new StoreHarness(
    windowStore('w', { ...text, sizeMs: 10, retentionMs: 100, retainDuplicates: true }),
    new MemoryEngine(),
  )
  store.run(0, w => {
    for (const value of ['1', '2', '3']) w.put('a', value, 10)
    w.put('a', null, 10)
    w.put('ab', '4', 10)
    w.put('a', '5', 11)
    assert.equal(w.fetch('a', 10), '1')
    assert.deepEqual(shown(w.fetch('a', {})), ['a[10,20)=1', 'a[10,20)=2', 'a[10,20)=3', 'a[11,21)=5'])
    assert.deepEqual(shown(w.fetchAll({ toMs: 10 })), [
      'a[10,20)=1',
      'a[10,20)=2',
      'a[10,20)=3',
      'ab[10,20)=4',
    ])
    w.put('a', 'far', 1_000)
    assert.deepEqual(shown(w.fetchAll()), ['a[1000,1010)=far'])
  })
})

test('a session store finds the sessions of a key that may meet a time', () => {
  const store = new StoreHarness(sessionStore('s', { ...text, retentionMs: 1_000 }), new MemoryEngine())
  store.run(5, s => {
    s.put({ key: 'a', start: 0, end: 10 }, 'a1')
    s.put({ key: 'a', start: 5, end: 10 }, 'a2')
    s.put({ key: 'a', start: 30, end: 35 }, 'a3', 9)
    s.put({ key: 'b', start: 8, end: 8 }, 'b1')
    assert.equal(s.fetchSession('a', 5, 10), 'a2')
    assert.equal(s.fetchSession('a', 5, 11), undefined)
    assert.deepEqual(s.fetchRow({ key: 'a', start: 30, end: 35 }), { value: 'a3', timestamp: 9 })
    assert.deepEqual(shown(s.findSessions('a')), ['a[0,10)=a1', 'a[5,10)=a2', 'a[30,35)=a3'])
    assert.deepEqual(shown(s.findSessions('a', { earliestEndMs: 11 })), ['a[30,35)=a3'])
    assert.deepEqual(shown(s.findSessions('a', { earliestEndMs: 10, latestStartMs: 4 })), ['a[0,10)=a1'])
    assert.deepEqual(shown(s.findSessions('a', { latestStartMs: 29, reverse: true })), [
      'a[5,10)=a2',
      'a[0,10)=a1',
    ])
    assert.deepEqual(shown(s.fetchAll({ toMs: 10 })), ['b[8,8)=b1', 'a[0,10)=a1', 'a[5,10)=a2'])
    assert.deepEqual(shown(s.fetchAll({ from: 'b' })), ['b[8,8)=b1'])
    s.remove({ key: 'a', start: 0, end: 10 })
    s.put({ key: 'b', start: 8, end: 8 }, null)
    assert.deepEqual(shown(s.fetchAll()), ['a[5,10)=a2', 'a[30,35)=a3'])
  })
})

test('sessions behind the retention are not found; a put there is dropped as expired, a removal moves no time', () => {
  const store = new StoreHarness(sessionStore('s', { ...text, retentionMs: 100 }), new MemoryEngine())
  store.run(0, s => {
    s.put({ key: 'a', start: 0, end: 5 }, 'old')
    s.put({ key: 'a', start: 0, end: 6 }, 'kept')
    s.remove({ key: 'a', start: 0, end: 9_999 })
    assert.deepEqual(shown(s.findSessions('a')), ['a[0,5)=old', 'a[0,6)=kept'])
    s.put({ key: 'b', start: 50, end: 105 }, 'new')
    assert.deepEqual(shown(s.findSessions('a')), ['a[0,6)=kept'])
    s.put({ key: 'a', start: 1, end: 5 }, 'late')
    assert.equal(s.fetchSession('a', 0, 5), undefined)
  })
  assert.deepEqual(store.dropped, { expired: 1 })
})

test('a versioned store knows what was valid when', () => {
  const store = new StoreHarness(
    versionedStore('v', { ...text, historyRetentionMs: 100 }),
    new MemoryEngine(),
  )
  store.run(7, v => {
    assert.equal(v.put('a', 'ten', 10), 'latest')
    assert.equal(v.put('a', 'thirty', 30), 'latest')
    assert.equal(v.put('a', 'twenty', 20), 'superseded')
    assert.deepEqual(v.get('a'), { value: 'thirty', timestamp: 30, validToMs: undefined })
    assert.deepEqual(v.get('a', 29), { value: 'twenty', timestamp: 20, validToMs: 30 })
    assert.deepEqual(v.get('a', 19), { value: 'ten', timestamp: 10, validToMs: 20 })
    assert.equal(v.get('a', 9), undefined)
    assert.equal(v.put('b', 'now'), 'latest')
    assert.deepEqual(v.get('b'), { value: 'now', timestamp: 7, validToMs: undefined })
  })
  store.run(40, v => {
    assert.deepEqual(v.delete('a', 25), { value: 'twenty', timestamp: 20, validToMs: 30 })
    assert.deepEqual(v.get('a', 24), { value: 'twenty', timestamp: 20, validToMs: 25 })
    assert.equal(v.get('a', 29), undefined)
    assert.deepEqual(
      Array.from(v.history('a'), ({ value, timestamp, validToMs }) => [value, timestamp, validToMs]),
      [
        ['ten', 10, 20],
        ['twenty', 20, 25],
        ['thirty', 30, undefined],
      ],
    )
    assert.deepEqual(
      Array.from(v.history('a', { fromMs: 20, toMs: 30, reverse: true }), ({ value }) => value),
      ['thirty', 'twenty'],
    )
    assert.deepEqual(
      Array.from(v.history('a', { fromMs: 25, toMs: 29 }), ({ value }) => value),
      [],
    )
    v.delete('a', 40)
    assert.equal(v.get('a'), undefined)
    assert.deepEqual(v.get('a', 39), { value: 'thirty', timestamp: 30, validToMs: 40 })
    v.put('c', 'far', 130)
    assert.equal(v.get('a', 29), undefined)
    assert.deepEqual(v.get('a', 30), { value: 'thirty', timestamp: 30, validToMs: 40 })
    // The latest never expires.
    assert.equal(v.get('b', 8)?.value, 'now')
    assert.equal(v.put('a', 'late', 29), 'expired')
  })
  assert.deepEqual(store.dropped, { expired: 1 })
})

test('a bounded store keeps what was used last, and its changelog gets tombstones', () => {
  const store = new StoreHarness(lruMap('l', { ...text, maxEntries: 3 }), new MemoryEngine())
  const keys = () => store.run(0, l => Array.from(l.entries(), ([key]) => key))
  store.run(0, l => {
    for (const key of ['a', 'b', 'c']) l.put(key, key)
    assert.equal(l.get('a'), 'a')
  })
  store.commit()
  store.run(1, l => l.put('d', 'd'))
  assert.deepEqual(keys(), ['a', 'c', 'd'])
  store.commit()
  assert.deepEqual(
    store
      .changelog('l')
      .filter(({ value }) => value === null)
      .map(({ key }) => key),
    ['b'],
  )
  store.run(2, l => {
    assert.equal(l.delete('a'), 'a')
    l.put('e', 'e')
    assert.equal(l.putIfAbsent('c', 'other'), 'c')
    l.put('f', 'f')
  })
  assert.deepEqual(keys(), ['c', 'e', 'f'])
})

test('a bounded store that comes from its changelog begins with the order of its timestamps', async () => {
  const store = new StoreHarness(lruMap('l', { ...text, maxEntries: 3 }), new MemoryEngine())
  store.run(0, l => {
    for (const [key, at] of [
      ['a', 30],
      ['b', 10],
      ['c', 20],
    ] as const) {
      l.put(key, key, at)
    }
    l.get('b')
  })
  store.commit()
  // At home the order of use is kept.
  await store.restart()
  store.run(40, l => l.put('d', 'd'))
  assert.deepEqual(
    store.run(0, l => Array.from(l.entries(), ([key]) => key)),
    ['b', 'c', 'd'],
  )
  store.rollback()
  await store.moveTo(new MemoryEngine())
  store.run(40, l => l.put('d', 'd'))
  assert.deepEqual(
    store.run(0, l => Array.from(l.entries(), ([key]) => key)),
    ['a', 'c', 'd'],
  )
})

test('what a skipped record did to a bounded store is undone, uses included', () => {
  const store = new StoreHarness(lruMap('l', { ...text, maxEntries: 2 }), new MemoryEngine(), 'skip')
  store.run(0, l => {
    l.put('a', '1')
    l.put('b', '2')
  })
  store.run(1, l => {
    l.get('a')
    l.put('c', '3')
    throw new Error('no')
  })
  assert.deepEqual(
    store.run(2, l => Array.from(l.entries())),
    [
      ['a', '1'],
      ['b', '2'],
    ],
  )
  store.run(3, l => l.put('c', '3'))
  assert.deepEqual(
    store.run(4, l => Array.from(l.entries(), ([key]) => key)),
    ['b', 'c'],
  )
})

test('an unlogged store has no changelog: it survives a restart here and is empty elsewhere', async () => {
  const store = new StoreHarness(keyValueStore('k', { ...text, logged: false }), new MemoryEngine())
  store.run(0, k => k.put('a', '1'))
  store.commit()
  assert.deepEqual(store.changelog('k'), [])
  await store.restart()
  assert.equal(
    store.run(0, k => k.get('a')),
    '1',
  )
  await store.moveTo(new MemoryEngine())
  assert.equal(
    store.run(0, k => k.get('a')),
    undefined,
  )
})

test('tables and aggregates that are not logged have no changelog, nor has what lies beside them', () => {
  const builder = new StreamsBuilder()
  const stream = builder.stream(input)
  const off = { logged: false } as const
  const counts = stream.groupByKey().count({ store: 'counts', ...off })
  counts.filter(count => count > 1, { store: 'many', ...off })
  counts.join(
    counts.map(count => count + 1),
    (a, b) => a + b,
    { store: 'joined', ...off },
  )
  stream
    .groupByKey()
    .sessions(sessions({ gapMs: 5, graceMs: 5 }))
    .count({ store: 'visits', ...off })
  builder.versionedTable(namesTopic, { store: 'versions', historyRetentionMs: 9, ...off })
  stream.groupByKey().count({ store: 'logged' })
  const stores = builder.build('test').subTopologies.flatMap(part => part.stores)
  assert.deepEqual(
    stores.filter(({ changelog }) => changelog !== undefined).map(({ name }) => name),
    ['logged'],
  )
  const unlogged = [
    'counts',
    'many',
    'joined',
    'visits',
    'visits-by-key',
    'visits-times',
    'versions',
    'versions-history',
  ]
  assert.deepEqual(stores.map(({ name }) => name).toSorted(), [...unlogged, 'logged'].toSorted())
  for (const read of [
    () => builder.table(stockTopic, off),
    () => builder.globalTable(stockTopic, off),
    () => builder.globalTable(topic('other', text)).filter(() => true, off),
  ]) {
    assert.throws(read, /has that topic as its changelog/)
  }
})

test('a scan gives what the store had when it began, whatever is written meanwhile', () => {
  const store = new StoreHarness(keyValueStore('k', text), new MemoryEngine())
  store.run(0, k => {
    for (const key of ['a', 'b', 'c']) k.put(key, key)
  })
  store.commit()
  for (const reverse of [false, true]) {
    store.run(0, k => {
      k.put('b', 'changed')
      const seen: string[] = []
      for (const [key, value] of k.entries({ reverse })) {
        seen.push(`${key}=${value}`)
        for (const each of ['a', 'b', 'c']) k.delete(each)
        k.put('bb', 'new')
      }
      const expected = ['a=a', 'b=changed', 'c=c']
      assert.deepEqual(seen, reverse ? expected.toReversed() : expected)
      assert.deepEqual(Array.from(k.entries()), [['bb', 'new']])
    })
    store.rollback()
  }
})

test('ranges need a key codec that keeps the order, and say so', () => {
  const open = <K>(key: Parameters<typeof keyValueStore<K, string>>[1]['key']) =>
    new StoreHarness(keyValueStore<K, string>('k', { key, value: string }), new MemoryEngine())
  const documents = open(json())
  assert.throws(
    () => documents.run(0, k => [...k.entries({ from: { a: 1 } })]),
    /key codec "json" does not keep the order/,
  )
  const numbers = open(int64)
  assert.throws(
    () => numbers.run(0, k => [...k.entries({ from: -1 })]),
    /numbers below 0 stand behind all others\. Declare the store with ordered/,
  )
  const flags = open(boolean)
  flags.run(0, k => {
    k.put(true, 'yes')
    k.put(false, 'no')
    assert.deepEqual([...k.entries({ from: true })], [[true, 'yes']])
    assert.deepEqual([...k.entries()].length, 2)
  })
  const pairs = tuple(string, int64)
  const tuples = open(pairs)
  tuples.run(0, k => {
    for (const number of [3, -2, 0]) k.put(['x', number], `x${number}`)
    k.put(['x\0', 0], 'x0')
    k.put(['', 5], '5')
    assert.deepEqual(
      Array.from(k.entries({ prefix: pairs.prefix('x') }), ([, value]) => value),
      ['x-2', 'x0', 'x3'],
    )
    assert.deepEqual(
      Array.from(k.entries({ from: ['x', -1], to: ['x', 3], reverse: true }), ([key]) => key),
      [
        ['x', 3],
        ['x', 0],
      ],
    )
  })
  assert.throws(() => tuple(string, json()), /"json" has no form that keeps the order/)
})

test('what a declaration cannot mean is refused', () => {
  assert.throws(
    () => windowStore('w', { ...text, sizeMs: 10, retentionMs: 9 }),
    /needs \{ retentionMs \} as a whole number, 10 or more; got 9/,
  )
  assert.throws(() => lruMap('l', { ...text, maxEntries: 0 }), /\{ maxEntries \}/)
  assert.throws(() => sessionStore('s', { ...text, retentionMs: 1.5 }), /\{ retentionMs \}/)
  assert.throws(() => versionedStore('v', { ...text, historyRetentionMs: -1 }), /\{ historyRetentionMs \}/)
  const store = new StoreHarness(windowStore('w', { ...text, sizeMs: 1, retentionMs: 9 }), new MemoryEngine())
  assert.throws(() => store.run(0, w => w.put('a', 'a', -1)), /is given the time -1/)
})

const stockTopic = topic('stock', { key: string, value: int64 })
const namesTopic = topic('names', { key: string, value: string })
const input = topic('in', text)
const output = topic('out', text)

test('a processor reads the rows of a table and of a global table, and cannot write them', () => {
  const builder = new StreamsBuilder()
  const stock = builder.table(stockTopic)
  const plenty = stock.filter(amount => amount > 9)
  const names = builder.globalTable(namesTopic)
  const upper = names.map(name => name.toUpperCase(), { value: string })
  builder
    .stream(input)
    .processValues({
      stores: { stock, plenty, names, upper },
      create:
        ({ stores, forward }) =>
        (value, key) => {
          if (value === 'write') (stores.stock as unknown as { put(k: string, v: number): void }).put(key, 1)
          const all = Array.from(stores.stock.entries({ reverse: true }), ([each]) => each).join()
          forward(
            `${stores.names.get(key)}/${stores.upper.get(key)}: ${stores.stock.get(key)}, ${stores.plenty.get(key)} (${all})`,
          )
        },
    })
    .to(output)
  const driver = testDriver(builder)
  driver.send(stockTopic, { key: 'a', value: 5 })
  driver.send(stockTopic, { key: 'b', value: 10 })
  driver.send(namesTopic, { key: 'b', value: 'Bolts' })
  for (const key of ['a', 'b']) driver.send(input, { key, value: '' })
  assert.deepEqual(
    driver.read(output).map(({ value }) => value),
    ['undefined/undefined: 5, undefined (b,a)', 'Bolts/BOLTS: 10, 10 (b,a)'],
  )
  assert.throws(() => driver.send(input, { key: 'a', value: 'write' }), /belongs to a table and is only read/)
})

test('a table of another builder is refused', () => {
  const stock = new StreamsBuilder().table(stockTopic)
  const builder = new StreamsBuilder()
  assert.throws(
    () => builder.stream(input).processValues({ stores: { stock }, create: () => () => {} }),
    /names a table of another builder/,
  )
})
