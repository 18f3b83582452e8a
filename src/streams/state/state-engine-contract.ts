import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type ByteString,
  MAX_INDEX_PREFIX_BYTES,
  MAX_KEY_BYTES,
  type StateEngine,
  type TaskState,
} from './byte-store.ts'

/**
 * What every StateEngine promises; run by the tests of each implementation. `inNewPlace` chooses an empty place, the
 * function that it returns opens an engine there, again and again.
 */
export function stateEngineContract(name: string, inNewPlace: () => () => StateEngine): void {
  const run = (title: string, body: (engine: StateEngine) => Promise<void> | void): void => {
    test(`${name}: ${title}`, async () => {
      const engine = inNewPlace()()
      try {
        await body(engine)
      } finally {
        await engine.close()
      }
    })
  }

  run('a task is open until it is closed', async engine => {
    assert.equal(engine.isOpen('0_0'), false)
    const task = engine.openTask('0_0')
    assert.equal(engine.isOpen('0_0'), true)
    assert.equal(engine.isOpen('0_1'), false)
    await task.close()
    assert.equal(engine.isOpen('0_0'), false)
  })

  run('what is told of a rewind is kept', engine => {
    assert.equal(engine.rewindId, undefined)
    engine.rewindId = 'one'
    assert.equal(engine.rewindId, 'one')
    engine.rewindId = 'two'
    assert.equal(engine.rewindId, 'two')
  })

  run('a new store is empty', engine => {
    const store = engine.openTask('0_0').store('s')
    assert.equal(store.size, 0)
    assert.equal(store.get('k'), undefined)
    assert.deepEqual([...store.range()], [])
  })

  run('reads see what the last commit left, in all stores at once', engine => {
    const task = engine.openTask('0_0')
    put(task, 'a', [['k', '1']])
    task.commit(
      [
        {
          store: 'a',
          entries: entries([
            ['k', '2'],
            ['l', '3'],
          ]),
        },
        { store: 'b', entries: entries([['k', '4']]) },
      ],
      { 'offset/t-0': '17' },
    )
    assert.equal(text(task, 'a', 'k'), '2')
    assert.equal(text(task, 'a', 'l'), '3')
    assert.equal(text(task, 'b', 'k'), '4')
    assert.equal(task.metadata('offset/t-0'), '17')
    assert.equal(task.metadata('other'), undefined)
    assert.equal(task.store('a').size, 2)
  })

  run('undefined deletes, and deleting what is absent does nothing', engine => {
    const task = engine.openTask('0_0')
    put(task, 's', [
      ['a', '1'],
      ['b', '2'],
    ])
    put(task, 's', [
      ['a', undefined],
      ['x', undefined],
    ])
    assert.deepEqual(contents(task, 's'), [['b', '2']])
    assert.equal(task.store('s').size, 1)
  })

  run('clear empties one store before its entries are written', engine => {
    const task = engine.openTask('0_0')
    put(task, 's', [
      ['a', '1'],
      ['b', '2'],
    ])
    put(task, 't', [['a', '1']])
    task.commit([{ store: 's', clear: true, entries: entries([['c', '3']]) }], {})
    assert.deepEqual(contents(task, 's'), [['c', '3']])
    assert.deepEqual(contents(task, 't'), [['a', '1']])
  })

  run('the last of two entries with one key wins', engine => {
    const task = engine.openTask('0_0')
    put(task, 's', [
      ['a', '1'],
      ['a', undefined],
      ['a', '2'],
      ['b', '1'],
      ['b', undefined],
    ])
    assert.deepEqual(contents(task, 's'), [['a', '2']])
  })

  run('ranges are in byte order, from inclusive to exclusive, either way', engine => {
    const task = engine.openTask('0_0')
    const keys = [
      '',
      '\0',
      '\0\0',
      '\0\xff',
      '\x01',
      'a',
      'a\0',
      'aa',
      'b',
      '\x7f',
      '\x80',
      '\xff',
      '\xff\xff',
    ]
    put(
      task,
      's',
      keys.toReversed().map(key => [key, key]),
    )
    const ranged = (from?: ByteString, to?: ByteString, reverse = false) =>
      [...task.store('s').range(from, to, { reverse })].map(([key]) => key)
    assert.deepEqual(ranged(), keys)
    assert.deepEqual(ranged(undefined, undefined, true), keys.toReversed())
    const bounds = [undefined, ...keys, '\0\x01', 'ab', '\x79', '\xff\xff\xff', `a${'\0'.repeat(5_000)}`]
    for (const from of bounds) {
      for (const to of bounds) {
        const expected = keys.filter(
          key => (from === undefined || key >= from) && (to === undefined || key < to),
        )
        assert.deepEqual(ranged(from, to), expected, `from ${JSON.stringify(from)} to ${JSON.stringify(to)}`)
        assert.deepEqual(ranged(from, to, true), expected.toReversed())
      }
    }
  })

  run('a range sees one snapshot while commits go on, and may be left early', engine => {
    const task = engine.openTask('0_0')
    put(task, 's', [
      ['a', '1'],
      ['b', '2'],
      ['c', '3'],
    ])
    const seen: string[] = []
    for (const [key, value] of task.store('s').range()) {
      seen.push(`${key}=${value.toString()}`)
      put(task, 's', [
        ['b', undefined],
        ['c', '9'],
        ['d', '4'],
        [`e${seen.length}`, '5'],
      ])
    }
    assert.deepEqual(seen, ['a=1', 'b=2', 'c=3'])
    for (const [key] of task.store('s').range()) {
      assert.equal(key, 'a')
      break
    }
    assert.deepEqual(
      contents(task, 's').map(([key]) => key),
      ['a', 'c', 'd', 'e1', 'e2', 'e3'],
    )
  })

  run('a range keeps its snapshot while all of it is deleted, either way', engine => {
    const task = engine.openTask('0_0')
    const keys = Array.from({ length: 300 }, (_, i) => `k${String(i).padStart(3, '0')}`)
    for (const reverse of [false, true]) {
      put(
        task,
        's',
        keys.map(key => [key, key]),
      )
      const seen: string[] = []
      for (const [key, value] of task.store('s').range('k000', 'k300', { reverse })) {
        seen.push(value.toString())
        // Once all at once in the middle, otherwise the key itself.
        const gone = seen.length === 100 ? keys : [key]
        put(
          task,
          's',
          gone.map(each => [each, undefined]),
        )
      }
      assert.deepEqual(seen, reverse ? keys.toReversed() : keys)
      assert.deepEqual(contents(task, 's'), [])
      assert.deepEqual([...task.store('s').range(undefined, undefined, { reverse })], [])
    }
  })

  run('several ranges of one store may be read side by side, and closed in any order', engine => {
    const task = engine.openTask('0_0')
    const keys = ['a', 'b', 'c', 'd']
    put(
      task,
      's',
      keys.map(key => [key, key]),
    )
    const up = task.store('s').range()[Symbol.iterator]()
    const down = task.store('s').range('b', undefined, { reverse: true })[Symbol.iterator]()
    assert.equal(up.next().value?.[0], 'a')
    assert.equal(down.next().value?.[0], 'd')
    put(task, 's', [
      ['b', undefined],
      ['c', undefined],
    ])
    assert.equal(down.next().value?.[0], 'c')
    assert.equal(up.next().value?.[0], 'b')
    up.return?.()
    assert.equal(down.next().value?.[0], 'b')
    assert.equal(down.next().done, true)
  })

  run('ranges of a prefix, and empty ranges, whatever the bytes', engine => {
    const task = engine.openTask('0_0')
    const keys = ['', 'a', 'a\xfe', 'a\xff', 'a\xff\0', 'a\xff\xff', 'b', '\xfe', '\xff', '\xffa']
    put(
      task,
      's',
      keys.map(key => [key, key]),
    )
    const store = task.store('s')
    /** The end of a prefix, or undefined when nothing is above it. */
    const ends: [string, string | undefined][] = [
      ['', undefined],
      ['a', 'b'],
      ['a\xff', 'b'],
      ['\xff', undefined],
      ['c', 'd'],
    ]
    for (const [prefix, end] of ends) {
      const expected = keys.filter(key => key.startsWith(prefix))
      for (const reverse of [false, true]) {
        const found = Array.from(store.range(prefix, end, { reverse }), ([key]) => key)
        assert.deepEqual(found, reverse ? expected.toReversed() : expected, JSON.stringify(prefix))
      }
    }
    for (const reverse of [false, true]) {
      for (const [from, to] of [
        ['a', 'a'],
        ['b', 'a'],
        ['c', 'd'],
        ['\xff\xff', undefined],
      ] as const) {
        assert.deepEqual([...store.range(from, to, { reverse })], [], JSON.stringify([from, to]))
      }
    }
  })

  run('a range that is open across turns of the event loop keeps its snapshot', async engine => {
    const task = engine.openTask('0_0')
    put(task, 's', [
      ['a', '1'],
      ['b', '2'],
    ])
    const range = task.store('s').range()[Symbol.iterator]()
    assert.equal(range.next().value?.[0], 'a')
    put(task, 's', [
      ['b', '3'],
      ['c', '4'],
    ])
    await new Promise(resolve => setImmediate(resolve))
    put(task, 's', [
      ['a', undefined],
      ['b', '5'],
    ])
    const second = range.next().value
    assert.deepEqual([second?.[0], second?.[1].toString()], ['b', '2'])
    assert.equal(range.next().done, true)
    assert.deepEqual(contents(task, 's'), [
      ['b', '5'],
      ['c', '4'],
    ])
  })

  run('the writer may reuse its buffer from one entry to the next', engine => {
    const task = engine.openTask('0_0')
    const buffer = Buffer.alloc(4)
    function* reused(): Generator<readonly [ByteString, Buffer]> {
      for (let i = 0; i < 3; i++) {
        buffer.writeInt32BE(i)
        yield [`k${i}`, buffer]
      }
    }
    task.commit([{ store: 's', entries: reused() }], {})
    assert.deepEqual(
      [0, 1, 2].map(i => task.store('s').get(`k${i}`)?.readInt32BE()),
      [0, 1, 2],
    )
  })

  run('a commit that fails half-way leaves nothing behind', engine => {
    const task = engine.openTask('0_0')
    put(task, 's', [['a', '1']])
    function* failing(): Generator<readonly [ByteString, Buffer]> {
      yield ['a', Buffer.from('2')]
      throw new Error('stop')
    }
    assert.throws(() => task.commit([{ store: 's', entries: failing() }], { m: '1' }), /stop/)
    assert.deepEqual(contents(task, 's'), [['a', '1']])
    assert.equal(task.metadata('m'), undefined)
    put(task, 's', [['b', '2']])
    assert.equal(task.store('s').size, 2)
  })

  run('the longest key is the same for every engine, and a longer one never gets in', engine => {
    const task = engine.openTask('0_0')
    assert.equal(task.maxKeyBytes, MAX_KEY_BYTES)
    put(task, 's', [['a', '1']])
    const tooLong = 'k'.repeat(MAX_KEY_BYTES + MAX_INDEX_PREFIX_BYTES + 1)
    assert.throws(
      () =>
        put(task, 's', [
          ['a', '2'],
          [tooLong, '3'],
        ]),
      /a key of 4001 bytes/,
    )
    assert.equal(task.store('s').get(tooLong), undefined)
    assert.deepEqual(contents(task, 's'), [['a', '1']])
  })

  run('empty values, values of 4 KB and of 1 MB, and the longest key come back whole', engine => {
    const task = engine.openTask('0_0')
    const longest = 'k'.repeat(MAX_KEY_BYTES + MAX_INDEX_PREFIX_BYTES)
    const big = Buffer.alloc(1 << 20, 'x')
    task.commit(
      [
        {
          store: 's',
          entries: [
            ['empty', Buffer.alloc(0)],
            ['page', Buffer.alloc(4_096, 'p')],
            ['big', big],
            [longest, Buffer.from('long')],
          ],
        },
      ],
      {},
    )
    const store = task.store('s')
    assert.equal(store.get('empty')?.length, 0)
    assert.deepEqual(store.get('page'), Buffer.alloc(4_096, 'p'))
    assert.deepEqual(store.get('big'), big)
    assert.equal(store.get(longest)?.toString(), 'long')
    assert.equal(store.get(`${longest}k`), undefined)
    assert.deepEqual(
      [...store.range('k', 'l')].map(([key]) => key.length),
      [longest.length],
    )
  })

  run('fifty thousand keys', engine => {
    const task = engine.openTask('0_0')
    const count = 50_000
    const key = (i: number) => `customer-${(i * 7919) % count}`
    for (let start = 0; start < count; start += 10_000) {
      put(
        task,
        's',
        Array.from({ length: 10_000 }, (_, i) => [key(start + i), String(start + i)] as const),
      )
    }
    assert.equal(task.store('s').size, count)
    assert.equal([...task.store('s').range()].length, count)
    put(
      task,
      's',
      Array.from({ length: count / 2 }, (_, i) => [key(i * 2), undefined] as const),
    )
    assert.equal(task.store('s').size, count / 2)
    assert.equal(text(task, 's', key(1)), '1')
    assert.equal(text(task, 's', key(2)), undefined)
    const ordered = [...task.store('s').range()].map(([each]) => each)
    assert.deepEqual(ordered, ordered.toSorted())
  })

  run('tasks are apart, are listed, and can be dropped', async engine => {
    const one = engine.openTask('0_1')
    const two = engine.openTask('12_3')
    put(one, 's', [['k', '1']])
    put(two, 's', [['k', '2']])
    assert.deepEqual(engine.tasks().toSorted(), ['0_1', '12_3'])
    await one.close()
    await engine.dropTask('0_1')
    assert.deepEqual(engine.tasks(), ['12_3'])
    assert.equal(text(engine.openTask('0_1'), 's', 'k'), undefined)
    assert.equal(text(two, 's', 'k'), '2')
  })

  run('a task that is closed and opened again stands at its last commit', async engine => {
    const task = engine.openTask('0_0')
    put(task, 'a strange/../name', [['k', '1']])
    task.commit([], { at: '5' })
    await task.close()
    const again = engine.openTask('0_0')
    assert.equal(text(again, 'a strange/../name', 'k'), '1')
    assert.equal(again.metadata('at'), '5')
  })

  test(`${name}: an engine that is opened again finds every task at its last commit`, async () => {
    const open = inNewPlace()
    const first = open()
    const task = first.openTask('0_0')
    put(task, 's', [['k', '1']])
    task.commit([{ store: 's', entries: entries([['k', '2']]) }], { at: '9' })
    await first.close()
    const second = open()
    const again = second.openTask('0_0')
    assert.equal(text(again, 's', 'k'), '2')
    assert.equal(again.metadata('at'), '9')
    await second.close()
  })
}

function entries(
  list: readonly (readonly [string, string | undefined])[],
): (readonly [ByteString, Buffer | undefined])[] {
  return list.map(([key, value]) => [key, value === undefined ? undefined : Buffer.from(value, 'latin1')])
}

function put(task: TaskState, store: string, list: readonly (readonly [string, string | undefined])[]): void {
  task.commit([{ store, entries: entries(list) }], {})
}

function text(task: TaskState, store: string, key: string): string | undefined {
  return task.store(store).get(key)?.toString('latin1')
}

function contents(task: TaskState, store: string): [string, string][] {
  const read: [string, string][] = []
  for (const [key, value] of task.store(store).range()) read.push([key, value.toString('latin1')])
  return read
}
