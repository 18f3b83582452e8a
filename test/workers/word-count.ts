/** An application that workers load: words are counted behind a repartition, and lengths looked up beside it. */
import { app } from '../../src/app/app.ts'
import { int64, string } from '../../src/contracts/codecs.ts'
import { json } from '../../src/contracts/json.ts'
import { topic } from '../../src/contracts/topic.ts'
import { z } from 'zod'

const WordCount = z.object({ word: z.string(), count: z.number(), isLong: z.boolean() })

export const words = topic('words', { key: string, value: string, partitions: 4 })
export const languages = topic('languages', { key: string, value: string, partitions: 2 })
export const counts = topic('counts', { key: string, value: int64, partitions: 4 })
export const translated = topic('translated', { key: string, value: string, partitions: 4 })

export const counting = app('counting')

const read = counting.stream(words).filter(word => {
  if (word === 'poison') throw new RangeError('no such word')
  if (word === 'exit') process.exit(3)
  if (word === 'aside') {
    setImmediate(() => {
      throw new TypeError('thrown aside')
    })
  }
  if (word === 'hang') hang()
  return word !== 'filtered'
})

const counted = read.groupBy(word => word).count({ store: 'counted' })

counted.toStream().to(counts)

export const wordCounts = counted
  .map((count, word) => ({ word, count, isLong: word.length > 3 }), { value: json(WordCount) })
  .view('wordCounts', { indexes: ['isLong'] })

/** The last word of each key: its rows come straight from the topic, so that positions of the topic apply. */
export const latest = read
  .groupByKey()
  .reduce((_before, word) => word)
  .view('latest')

const spoken = counting.globalTable(languages)
export const spokenIn = spoken.view('spokenIn')

read
  .leftJoinGlobal(
    spoken,
    (_word, key) => key,
    (word, language) => `${word} ${language ?? '?'}`,
    { value: string },
  )
  .to(translated)

/** A function that never comes back, as far as anybody can wait. */
function hang(): void {
  const channel = new BroadcastChannel('hanging')
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- between threads, not windows
  channel.postMessage('hangs')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000)
  channel.close()
}
