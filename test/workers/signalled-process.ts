/** A process with applications that close on signals; prints their states while they end. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { app } from '../../src/app/app.ts'
import type { StartOptions } from '../../src/app/app.ts'
import { counts, words } from '../exactly-once/counting.ts'
import { openFaultyLog } from '../exactly-once/faulty-log.ts'
import { seededRandom } from '../../src/internal/random.ts'

const mode = process.argv[2]
const seen = new EventTarget()

function counting(id: string) {
  const built = app(id)
  built
    .stream(words)
    .map(word => {
      seen.dispatchEvent(new Event('word'))
      return word
    })
    .groupByKey()
    .count({ store: 'counted' })
    .toStream()
    .to(counts)
  return built
}

function telling(id: string): Pick<StartOptions, 'onStateChange'> {
  return {
    onStateChange: state => {
      const isEnd = state === 'NOT_RUNNING' || state === 'ERROR'
      if (isEnd || (mode !== 'two' && state === 'PENDING_SHUTDOWN')) console.log(`${id} ${state}`)
    },
  }
}

if (mode === 'two') {
  const one = await counting('one').start({ cluster: 'memory:', signals: true, ...telling('one') })
  await counting('two').start({ cluster: 'memory:', signals: true, ...telling('two') })
  await one.append(words, 'a', 'one')
} else {
  // The cluster goes away with a transaction open, so that the last commit waits for it.
  const log = await openFaultyLog(seededRandom(7))
  let isAway = false
  const id = mode as string
  const running = await counting(id).start({
    cluster: log.faultyCluster(() => (isAway ? 1 : 0)),
    stateDir: mkdtempSync(join(tmpdir(), 'evert-signals-')),
    commitIntervalMs: 600_000,
    signals: { timeoutMs: mode === 'deadline' ? 200 : 600_000 },
    ...telling(id),
  })
  await running.whenRunning()
  const processed = once(seen, 'word')
  await running.append(words, 'a', 'one')
  await processed
  isAway = true
}
console.log('started')
