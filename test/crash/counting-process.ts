/** Runs the counting application on a `file:` log until it is killed. Says `running` once its tasks run. */
import { openCluster } from '../../src/app/open-cluster.ts'
import { join } from 'node:path'
import { startApplication } from '../../src/streams/runtime/application.ts'
import { LmdbEngine } from '../../src/streams/state/lmdb.ts'
import { countingTopology, words } from '../exactly-once/counting.ts'
import { Producer } from '../../src/client/producer.ts'

const directory = process.argv[2] as string
const from = Number(process.argv[3])
const until = Number(process.argv[4])

const cluster = await openCluster(`file:${directory}`)
let restored = 0
const application = await startApplication({
  topology: countingTopology('counting'),
  cluster,
  engine: new LmdbEngine(join(directory, 'state')),
  commitIntervalMs: 20,
  onRestore: (_task, { records }) => (restored += records),
})
await application.whenRunning()
process.stdout.write(`running ${restored}\n`)

const producer = new Producer(cluster)
for (let i = from; i < until; i++) {
  const word = `word-${i % 10}`
  await producer.send({ topic: words.name, key: Buffer.from(`key-${i}`), value: Buffer.from(word) })
  process.stdout.write(`${i}\n`)
}
await new Promise(() => setInterval(() => {}, 1_000))
