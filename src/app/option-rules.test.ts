import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { string } from '../contracts/codecs.ts'
import { topic } from '../contracts/topic.ts'
import { app } from './app.ts'
import { openCluster } from './open-cluster.ts'

/** As from JavaScript, where nobody checks them before. */
const anything = (options: unknown) => options as never

function shop() {
  const shop = app('shop')
  shop.table(topic('rows', { key: string, value: string })).view('rows')
  return shop
}

const module = import.meta.url

/** Options, and what is said of them. */
const nested = (
  [
    [{ http: {} }, /start needs the option "http\.port": a whole number, 0 to 65535/],
    [{ http: 80 }, /"http" of start is an object: \{ port, host, maxReadyLag \}, not number 80/],
    [{ http: { port: '80' } }, /"http\.port" of start is a whole number, 0 to 65535 .*, not "80"/],
    [{ http: { port: 70_000 } }, /"http\.port" of start is a whole number, .*, not number 70000/],
    [{ http: { port: 0, host: '' } }, /"http\.host" of start is a string that is not empty, not ""/],
    [
      { http: { port: 0, maxReadylag: 3 } },
      /start has no option "http\.maxReadylag"\. Options: http\.port, /,
    ],
    [
      { http: { port: 0, maxReadyLag: -3 } },
      /"http\.maxReadyLag" of start is a number of offsets, 0 or more/,
    ],
    [{ listener: { prt: 4 } }, /start has no option "listener\.prt"/],
    [{ listener: { port: -1 } }, /"listener\.port" of start is a whole number/],
    [{ signals: { timeout: 4 } }, /start has no option "signals\.timeout"\. Options: signals\.timeoutMs/],
    [{ signals: { timeoutMs: -1 } }, /"signals\.timeoutMs" of start is a number of milliseconds/],
    [{ signals: 'SIGTERM' }, /"signals" of start is true, false or \{ timeoutMs \}, not "SIGTERM"/],
    [{ signal: true }, /"signal" of start is an AbortSignal, not boolean true/],
    [{ stateDir: '' }, /"stateDir" of start is a string that is not empty, not ""/],
    [{ logger: {} }, /"logger" of start is an object with the functions info and warn, not an object/],
    [
      { sessionTimeoutMs: 1e12 },
      /"sessionTimeoutMs" of start is a whole number of milliseconds, 1 to 2147483647/,
    ],
    [{ workers: { count: 1 } }, /start needs the option "workers\.module": the URL of the module/],
    [
      { workers: { count: 0, module } },
      /"workers\.count" of start is a whole number, 1 or more, not number 0/,
    ],
    [{ workers: { count: 1, modul: module } }, /start has no option "workers\.modul"/],
    [{ workers: { count: 1, module: './shop.ts' } }, /"workers\.module" of start is the URL of the module/],
    [
      { workers: { count: 1, module: 'file:///nope.mjs' } },
      /"workers\.module" of start names file:\/\/\/nope\.mjs, and there is no such file/,
    ],
    [
      { onError: { deadLetter: 'bad name' } },
      /"onError" of start names the dead letter topic "bad name", whose name has a character other/,
    ],
    [{ onError: { processing: { deadLetter: '..' } } }, /names the dead letter topic "\.\.", whose name is/],
  ] satisfies [object, RegExp][]
).map(([options, message]): [string, unknown, RegExp] => [
  JSON.stringify(options),
  { cluster: 'memory:', ...options },
  message,
])

describe('start refuses', () => {
  const cases: [string, unknown, RegExp][] = [
    ['no options', undefined, /start needs an object of options, not nothing\. Options: cluster, .*store/],
    ['a URL without an object', 'memory:', /needs an object of options, not "memory:"/],
    ['no cluster', {}, /needs the option "cluster": a cluster URL \(file:DIRECTORY, memory:, kafka:/],
    ['another cluster', { cluster: {} }, /"cluster" of start is a cluster URL .*, not an object/],
    ['an unknown option', { cluster: 'memory:', stor: 1 }, /no option "stor"\. Options: .*stateDir, store,/],
    ['an unknown store', { cluster: 'memory:', store: 'rocksdb' }, /is "lmdb" or "memory", not "rocksdb"/],
    [
      'an unknown guarantee',
      { cluster: 'memory:', guarantee: 'exactly-once' },
      /"guarantee" of start is "exactly_once" or "at_least_once", not "exactly-once"/,
    ],
    ['an unknown policy', { cluster: 'memory:', onError: 'ignore' }, /"fail", "skip" or .*, not "ignore"/],
    [
      'a policy for an unknown kind',
      { cluster: 'memory:', onError: { decoding: 'skip' } },
      /one of these for each/,
    ],
    [
      'an unknown policy for a kind',
      { cluster: 'memory:', onError: { production: 'drop' } },
      /a function, or/,
    ],
    ['a dead letter without a topic', { cluster: 'memory:', onError: {} }, /\{ deadLetter: TOPIC \}/],
    ...[-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, 1e12, '100'].map(
      (commitIntervalMs): [string, unknown, RegExp] => [
        `a commit interval of ${JSON.stringify(commitIntervalMs)} (${commitIntervalMs})`,
        { cluster: 'memory:', commitIntervalMs },
        /"commitIntervalMs" of start is a number of milliseconds, 0 to 2147483647, not/,
      ],
    ),
    [
      'an idle time of -2',
      { cluster: 'memory:', maxTaskIdleMs: -2 },
      /0 to 2147483647, or -1, not number -2/,
    ],
    [
      'a cache of half a byte',
      { cluster: 'memory:', stateStoreCacheMaxBytes: 0.5 },
      /a whole number of bytes, 0 or more, not number 0.5/,
    ],
    ...nested,
    [
      'a listener of failures that is none',
      { cluster: 'memory:', onFailure: 1 },
      /is a function, not number/,
    ],
  ]
  for (const [what, options, message] of cases) {
    test(what, async () => {
      await assert.rejects(shop().start(anything(options)), { code: 'INVALID_ARGUMENT', message })
    })
  }
})

test('start takes every value that an option can have, and undefined for one that is left out', async () => {
  for (const options of [
    { store: 'memory', guarantee: 'at_least_once', onError: 'skip', commitIntervalMs: 0, maxTaskIdleMs: -1 },
    {
      store: undefined,
      guarantee: 'exactly_once',
      onError: { deadLetter: 'dead' },
      maxTaskIdleMs: 0,
      stateStoreCacheMaxBytes: 0,
    },
  ]) {
    await using running = await shop().start(anything({ cluster: 'memory:', ...options }))
    assert.ok(['REBALANCING', 'RUNNING'].includes(running.state), running.state)
  }
})

test('start refuses dead letters that come back as input', async () => {
  const start = shop().start({ cluster: 'memory:', onError: { deadLetter: 'rows' } })
  await assert.rejects(start, {
    code: 'INVALID_TOPOLOGY',
    message: /Dead letters of the input "rows" go to "rows"/,
  })
})

test('start takes an error policy for each kind, and a function', async () => {
  for (const onError of [
    () => 'skip',
    { production: 'skip' },
    { deserialization: { deadLetter: 'dead' }, processing: () => 'fail', production: undefined },
  ]) {
    await using running = await shop().start(anything({ cluster: 'memory:', onError }))
    assert.ok(['REBALANCING', 'RUNNING'].includes(running.state), running.state)
  }
})

test('close refuses options that it does not have, and values that they cannot have', async () => {
  await using running = await shop().start({ cluster: 'memory:' })
  for (const [options, message] of [
    [{ timeoutMs: -1 }, /"timeoutMs" of close is a number of milliseconds, 0 to 2147483647, not number -1/],
    [{ timeoutMs: Number.NaN }, /"timeoutMs" of close is a number/],
    [{ timeout: 1 }, /close has no option "timeout"\. Options: timeoutMs/],
  ] as const) {
    await assert.rejects(running.close(anything(options)), { code: 'INVALID_ARGUMENT', message })
  }
})

test('openCluster refuses options that it does not have, and values that they cannot have', async () => {
  for (const [options, message] of [
    [null, /openCluster needs an object of options, not null/],
    [{ clientid: 'a' }, /openCluster has no option "clientid"\. Options: clientId, /],
    [{ requestTimeoutMs: -1 }, /"requestTimeoutMs" of openCluster is a number of milliseconds/],
    [{ listener: 9092 }, /"listener" of openCluster is an object: \{ host, port, .*, not number 9092/],
    [{ listener: { prt: 4 } }, /openCluster has no option "listener\.prt"\. Options: listener\.host, /],
  ] as const) {
    await assert.rejects(openCluster('memory:', anything(options)), { code: 'INVALID_ARGUMENT', message })
  }
})
