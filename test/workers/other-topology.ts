/** Declares another topology in a worker than in the main thread. */
import { isMainThread } from 'node:worker_threads'
import { app } from '../../src/app/app.ts'
import { string } from '../../src/contracts/codecs.ts'
import { topic } from '../../src/contracts/topic.ts'

const texts = topic('texts', { key: string, value: string, partitions: 1 })

export const changing = app('changing')
changing.table(texts, { store: isMainThread ? 'one' : 'other' }).view('texts')
