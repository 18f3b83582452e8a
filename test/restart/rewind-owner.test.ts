import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { ownerAddress } from '../../src/broker/open-embedded.ts'
import { runCli } from '../../src/cli/run-cli.ts'
import { openCluster, rewindApplication } from '../../src/index.ts'
import { pagesOf, untilWritten } from './rewind-scenarios.ts'

interface OtherProcess {
  readonly directory: string
  readonly url: string
  readonly lines: readonly string[]
  /** Resolves to its status. */
  readonly exited: Promise<number | null>
  /** Ends it at once, with the first line of this text that it writes from now on. */
  readonly killAt: (text: string) => void
}

/** Runs `pages`, and serves its log. */
async function owner(t: TestContext): Promise<OtherProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'evert-rewind-owner-'))
  const main = join(import.meta.dirname, 'rewind-owner.ts')
  const child = spawn(process.execPath, ['--conditions=evert-source', main, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit').then(([status]) => status as number | null)
  t.after(async () => {
    child.kill('SIGKILL')
    await exited
    rmSync(directory, { recursive: true, force: true })
  })
  const lines: string[] = []
  const output = createInterface({ input: child.stdout })
  await new Promise<void>((resolve, reject) => {
    output.on('line', line => {
      lines.push(line)
      if (line === 'READY') resolve()
    })
    output.on('close', () => reject(new Error(`it ended before it was ready: ${lines.join('\n')}`)))
  })
  return {
    directory,
    url: `file:${join(directory, 'log')}`,
    lines,
    exited,
    killAt: text =>
      void output.on('line', line => {
        if (line.includes(text)) child.kill('SIGKILL')
      }),
  }
}

/** It starts, and computes everything anew. */
async function requireRewound(url: string): Promise<void> {
  const pages = pagesOf('')
  await using _running = await pages.application().start({ cluster: url, commitIntervalMs: 10 })
  await using cluster = await openCluster(url)
  await untilWritten(cluster, pages, 2)
}

test('the instance that serves the log is stopped and rewound by force from another process', {
  timeout: 60_000,
}, async t => {
  const { url, lines, exited } = await owner(t)
  const told: string[] = []
  const output = { out: (text: string) => told.push(text), error: (text: string) => told.push(text) }
  const line = ['rewind', 'pages', '--to', 'beginning', '--cluster', url]
  assert.equal(await runCli(line, output), 1)
  assert.match(told.pop() ?? '', /its group has a member: evert \(in-process, [\w-]+\)/)
  assert.equal(await runCli(['describe', 'pages', '--cluster', url], output), 0)
  assert.match(told.join('\n'), /^ {2}evert \(in-process, [\w-]+\)$/m)
  told.length = 0
  assert.equal(await runCli([...line, '--force'], output), 0, told.join('\n'))
  assert.match(told.join('\n'), /^"pages" was rewound\.[^]*Instances that were stopped:\n {2}evert \(/)
  assert.equal(await exited, 0)
  assert.ok(
    lines.some(each => each.startsWith('The application "pages" closes, because its group was told to')),
    lines.join('\n'),
  )
  assert.equal(ownerAddress(url), undefined, 'the log is given free again')
  await requireRewound(url)
})

test('a cluster that is open already stays in use when the instance that served its log is stopped', {
  timeout: 60_000,
}, async t => {
  const { url, exited } = await owner(t)
  {
    await using cluster = await openCluster(url)
    const { isDone, members } = await rewindApplication('pages', { cluster, to: 'beginning', force: true })
    assert.deepEqual([isDone, members.length], [true, 1])
    assert.equal(await exited, 0)
  }
  await requireRewound(url)
})

test('an instance that serves the log and dies while it is stopped is rewound by force', {
  timeout: 60_000,
}, async t => {
  const { url, exited, killAt } = await owner(t)
  killAt('because its group was told to')
  await rewindApplication('pages', { cluster: url, to: 'beginning', force: true })
  assert.equal(await exited, null)
  await requireRewound(url)
})
