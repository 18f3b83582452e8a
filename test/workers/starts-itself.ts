/** An application in one module with its start: what a small service looks like. */
import { isMainThread } from 'node:worker_threads'
import { app } from '../../src/app/app.ts'
import { int64, string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'

export const numbers = topic('numbers', { key: string, value: int64, partitions: 2 })

const summing = app('summing')
const sums = summing
  .stream(numbers)
  .map(n => {
    if (n < 0) throw new RangeError('below zero')
    return n
  })
  .groupByKey()
  .reduce((sum, n) => sum + n)
  .view('sums')

const skipped: string[] = []
await using running = await summing.start({
  cluster: 'memory:',
  workers: { count: 2, module: import.meta.url },
  onError: (error, { key }) => {
    skipped.push(`${key?.toString()}: ${String(error)}`)
    return 'skip'
  },
})
// A worker does not come here.
console.log(`started ${isMainThread}`)
for (const n of [1, 2, -1, 3]) await running.append(numbers, 'a', n)
const { value } = await sums.waitFor('a', sum => sum === 6)
console.log(`sum ${value}`, running.dropped().length, skipped.length)
