/** A process whose application fails; it asks for its health over HTTP, closes nothing, and has nothing else to do. */
import { app } from '../../src/app/app.ts'
import { words } from '../exactly-once/counting.ts'

const failing = app('failing')
failing.stream(words).peek(() => {
  throw new Error('it is bad')
})
const running = await failing.start({
  cluster: 'memory:',
  http: { port: 0 },
  onFailure() {
    process.exitCode = 1
  },
})
await running.append(words, 'a', 'bad')
await running.whenEnded()
const response = await fetch(`${running.http.url}/health/live`)
const { state } = (await response.json()) as { state: string }
console.log(`${response.status} ${state}`)
