/**
 * One Evert application in a process of its own, as java/Service.java. Prints RUNNING when its tasks run; ends when its
 * standard input does.
 */
import { once } from 'node:events'
import { applicationOf } from './topologies.ts'

const [work, brokers, id, output, stateDir, commitIntervalMs] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
]
const running = await applicationOf(work, id, output).start({
  cluster: `kafka://${brokers}`,
  stateDir,
  commitIntervalMs: Number(commitIntervalMs),
  onFailure(error) {
    console.error(error)
    process.exit(1)
  },
})
await running.whenRunning()
console.log('RUNNING')
process.stdin.resume()
await once(process.stdin, 'end')
await running.close()
