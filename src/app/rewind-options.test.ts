import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { int64, string } from '../contracts/codecs.ts'
import { topic } from '../contracts/topic.ts'
import { readTopologyLog } from '../streams/runtime/topology-log.ts'
import { app } from './app.ts'
import { openCluster } from './open-cluster.ts'
import { rewindApplication } from './rewind-application.ts'

const TO =
  /"to" of rewindApplication is "beginning", "end", \{ timeMs \} with .*, or \{ offsets \} with .*, not /
const CASES: [string, unknown, RegExp][] = [
  ['no options', undefined, /needs an object of options, not nothing\. Options: cluster, to,/],
  ['no target', {}, /needs the option "to": "beginning", "end", \{ timeMs \}/],
  ['an unknown option', { to: 'end', dryRunn: true }, /has no option "dryRunn"\. Options: .*dryRun, force/],
  ['another word', { to: 'start' }, TO],
  ['a number', { to: 0 }, TO],
  ['a time that is none', { to: { timeMs: 'x' } }, TO],
  ['a time that is no number', { to: { timeMs: Number.NaN } }, TO],
  ['a time that stands for something else in the protocol', { to: { timeMs: -1 } }, TO],
  ['half a millisecond', { to: { timeMs: 0.5 } }, TO],
  ['an unknown kind of target', { to: { time: '2026' } }, TO],
  ['two kinds of target', { to: { timeMs: 0, offsets: [] } }, TO],
  ['offsets by topic', { to: { offsets: { t: { 0: 99 } } } }, TO],
  ['no offsets', { to: { offsets: [] } }, TO],
  ['an offset without a partition', { to: { offsets: [{ topic: 'visits', offset: 0 }] } }, TO],
  ['an offset of text', { to: { offsets: [{ topic: 'visits', partition: 0, offset: '0' }] } }, TO],
  [
    'one partition twice',
    { to: { offsets: [1, 0].map(offset => ({ topic: 'visits', partition: 0, offset })) } },
    /"to" of rewindApplication names partition 0 of "visits" twice/,
  ],
  ['topics as text', { to: 'end', topics: 'visits' }, /"topics" of .* one or more topics, not "visits"/],
  ['no topics', { to: 'end', topics: [] }, /"topics" of .* one or more topics, not an array of 0/],
  ['internal topics as text', { to: 'end', internalTopics: 'a' }, /"internalTopics" of .* a list of names/],
  [
    'a directory that is no text',
    { to: 'end', stateDir: 1 },
    /"stateDir" of .* is a string .*, not number 1/,
  ],
  ['a dry run of text', { to: 'end', dryRun: 'yes' }, /"dryRun" of .* is true or false, not "yes"/],
  ['force of text', { to: 'end', force: 'no' }, /"force" of .* is true or false, not "no"/],
  [
    'an endless wait',
    { to: 'end', stopTimeoutMs: Number.POSITIVE_INFINITY },
    /milliseconds, 0 to \d+, not number Infinity/,
  ],
]

test('rewindApplication needs a cluster', async () => {
  for (const cluster of [undefined, {}, 1]) {
    await assert.rejects(rewindApplication('counting', { cluster, to: 'end' } as never), {
      code: 'INVALID_ARGUMENT',
      message: /"cluster".* a cluster URL \(file:DIRECTORY/,
    })
  }
})

describe('rewindApplication refuses, and changes nothing for,', () => {
  for (const [what, options, message] of CASES) {
    test(what, async () => {
      await using cluster = await openCluster('memory:rewind-options')
      const visits = topic('visits', { key: string, value: string, partitions: 1 })
      const counts = topic('counts', { key: string, value: int64, partitions: 1 })
      const counting = app('counting')
      counting.stream(visits).groupByKey().count({ store: 'counts' }).toStream().to(counts)
      const running = await counting.start({ cluster })
      await running.whenRunning()
      await running.close()
      const given = typeof options === 'object' ? { cluster, ...options } : options
      await assert.rejects(rewindApplication('counting', given as never), {
        code: 'INVALID_ARGUMENT',
        message,
      })
      assert.equal((await readTopologyLog(cluster, 'counting')).rewind, undefined)
    })
  }
})
