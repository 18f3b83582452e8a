import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'

const example = join(import.meta.dirname, '../../test/workers/signalled-process.ts')

/** What the process printed, and how it ended; it is sent the signals one after the other, each after the next line. */
async function run(mode: string, signals: readonly NodeJS.Signals[]) {
  const child = spawn(process.execPath, ['--conditions=evert-source', example, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  const toSend = [...signals]
  createInterface(child.stdout).on('line', line => {
    lines.push(line)
    const next = toSend.shift()
    if (next !== undefined) child.kill(next)
  })
  const [, signal] = (await once(child, 'close')) as [number | null, string | null]
  return { lines, signal }
}

test('SIGTERM closes every application of the process, and then ends it', async () => {
  const { lines, signal } = await run('two', ['SIGTERM'])
  assert.deepEqual(lines.toSorted(), ['one NOT_RUNNING', 'started', 'two NOT_RUNNING'])
  assert.equal(signal, 'SIGTERM')
})

test('a second signal ends the process at once', async () => {
  assert.deepEqual(await run('stuck', ['SIGTERM', 'SIGINT']), {
    lines: ['started', 'stuck PENDING_SHUTDOWN'],
    signal: 'SIGINT',
  })
})

test('the close has the time that it was given', async () => {
  const { lines, signal } = await run('deadline', ['SIGTERM'])
  assert.deepEqual(
    [lines, signal],
    [['started', 'deadline PENDING_SHUTDOWN', 'deadline NOT_RUNNING'], 'SIGTERM'],
  )
})
