/** An interrupted run ends soon and leaves no process, not even one that was stopped or was about to start again. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { runChaos } from './chaos.ts'
import type { FaultKind } from './schedule.ts'

const WITHIN_MS = 5_000

/** How many this process has started and not seen end. */
const processes = (): number =>
  process.getActiveResourcesInfo().filter(resource => resource === 'ProcessWrap').length

for (const kind of ['usurp', 'zombie', 'stall-log', 'kill-log'] satisfies FaultKind[]) {
  test(`a run that is interrupted under the fault ${kind} ends soon, with all its processes`, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'evert-chaos-'))
    const interrupted = new AbortController()
    let sinceMs = 0
    const running = runChaos({
      cluster: 'embedded',
      seed: 1,
      durationMs: 60_000,
      rate: 100,
      faultEveryMs: 500,
      kinds: [kind],
      directory,
      say: () => {},
      progress: line => {
        // By the third second the first fault has begun.
        if (!line.startsWith('3 s')) return
        sinceMs = performance.now()
        interrupted.abort()
      },
      signal: interrupted.signal,
    })
    await assert.rejects(running, { name: 'AbortError' })
    assert.ok(performance.now() - sinceMs < WITHIN_MS, 'it took too long')
    // Node forgets a process in the turns after its end.
    while (performance.now() - sinceMs < WITHIN_MS && processes() > 0) await nextTurn()
    assert.equal(processes(), 0)
    rmSync(directory, { recursive: true })
  })
}
