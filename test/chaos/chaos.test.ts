/** A short run of what `npm run chaos` does for minutes. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Random } from '../format/random.ts'
import { runChaos } from './chaos.ts'

test('killed, stopped and closed instances and a killed log leave every result exactly once', async t => {
  const { seed } = Random.fromEnvironment()
  const directory = mkdtempSync(join(tmpdir(), 'evert-chaos-'))
  t.diagnostic(`EVERT_SEED=${seed}`)
  // Garbage is collected all the time, as in a long run: nothing that ends the run may be garbage.
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const collecting = setInterval(collect, 100)
  t.after(() => clearInterval(collecting))
  const { figures, differences } = await runChaos({
    cluster: 'embedded',
    seed,
    durationMs: 9_000,
    rate: 300,
    faultEveryMs: 1_500,
    kinds: ['kill', 'kill-log', 'zombie', 'lose-disk'],
    directory,
    say: line => t.diagnostic(line),
    progress: () => {},
    signal: t.signal,
  })
  t.diagnostic(JSON.stringify(figures))
  assert.deepEqual(differences, [], `see ${directory}`)
  assert.ok(Number(figures['faults']) > 0 && Number(figures['results']) > 0)
  rmSync(directory, { recursive: true })
})
