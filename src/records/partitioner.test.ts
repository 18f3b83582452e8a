import assert from 'node:assert/strict'
import { test } from 'node:test'
import { murmur2, partitionFor } from './partitioner.ts'

test('string keys fall into the partitions that the producer of Java gives them', () => {
  const cases: [number, Record<string, number>][] = [
    [
      3,
      { 0: 2, 1: 0, 2: 2, 3: 2, 4: 1, 5: 0, 6: 1, 7: 0, 8: 0, 9: 2, UNDERPANTS: 1, JUMPERS: 2, STOCKINGS: 1 },
    ],
    [4, { 0: 0, 1: 3, 2: 0, 3: 3, 4: 1, 5: 2, 6: 2, 7: 3, 8: 3, 9: 3, 10: 2, 11: 0, 12: 2, UNDERPANTS: 3 }],
    [4, { JUMPERS: 1, STOCKINGS: 3, punk: 0, 'hip hop': 2, all: 0, hello: 1, kafka: 0, streams: 0 }],
    [
      6,
      { 0: 2, 1: 3, 2: 2, 3: 5, 4: 1, 5: 0, 6: 4, 7: 3, 8: 3, 9: 5, UNDERPANTS: 1, JUMPERS: 5, STOCKINGS: 1 },
    ],
    [12, { '100:48069': 9 }],
    [10, { wu: 0 }],
    [15, { TT0124: 10 }],
  ]
  for (const [partitions, expected] of cases) {
    for (const [key, partition] of Object.entries(expected)) {
      assert.equal(partitionFor(Buffer.from(key), partitions), partition, `${key} of ${partitions}`)
    }
  }
})

test('the hash is the signed one of Java, also for keys that are no whole words', () => {
  const cases: [string, number][] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ]
  for (const [key, hash] of cases) assert.equal(murmur2(Buffer.from(key)), hash, key)
})
