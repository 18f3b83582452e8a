import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { openCluster, rewindApplication } from '../../src/index.ts'
import { readTopic } from '../../src/client/read-topic.ts'
import { counts, stats, visits } from './rewind/stats.ts'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/rewind.md'), 'utf8')
const blockOf = (language: string) => new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(page)?.[1] ?? ''

interface Ended {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** The command line in a process of its own, in the folder of `./data`. */
async function evert(directory: string, args: readonly string[]): Promise<Ended> {
  const main = join(root, 'src/cli/main.ts')
  try {
    const ended = await promisify(execFile)(process.execPath, ['--conditions=evert-source', main, ...args], {
      cwd: directory,
    })
    return { status: 0, ...ended }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { status: code, stdout, stderr }
  }
}

async function countsIn(url: string): Promise<number> {
  await using cluster = await openCluster(url)
  let found = 0
  for await (const { batches } of readTopic(cluster, counts.name)) {
    for (const batch of batches) found += batch.count
  }
  return found
}

test('docs/rewind.md shows what happens', { timeout: 120_000 }, async t => {
  assert.equal(blockOf('ts'), readFileSync(join(import.meta.dirname, 'rewind/stats.ts'), 'utf8'))
  const directory = mkdtempSync(join(tmpdir(), 'evert-docs-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const cluster = `file:${join(directory, 'data')}`
  const [runner, command, ...line] = blockOf('sh').trim().split(' ')
  assert.deepEqual([runner, command], ['npx', 'evert'])
  const { bin, scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly bin: Readonly<Record<string, string>>
    readonly scripts: Readonly<Record<string, string>>
  }
  assert.ok(bin['evert']?.endsWith('/cli/main.js') && scripts['evert']?.endsWith(' src/cli/main.ts'))
  const real = line.filter(each => each !== '--dry-run')
  {
    await using running = await stats.start({ cluster, commitIntervalMs: 5 })
    for (const visited of ['/home', '/shop', '/home']) await running.append(visits, 'ann', visited)
    while ((await countsIn(cluster)) < 3) await new Promise(resolve => setTimeout(resolve, 10))
    const { status, stderr } = await evert(directory, real)
    assert.equal(status, 1)
    assert.match(stderr, /^evert rewind: The application "stats" runs: its group has a member/)
  }
  // Where a temporary folder is a link, the process knows it by its real name.
  const shown = ({ stdout }: Ended): string => stdout.replace(/\S*(?=\/data\/state)/, '.')
  assert.equal(shown(await evert(directory, line)), blockOf('text'))
  const done = await evert(directory, real)
  assert.equal(done.status, 0)
  assert.match(done.stdout, /^"stats" was rewound\./)
  {
    await using _running = await stats.start({ cluster, commitIntervalMs: 5 })
    while ((await countsIn(cluster)) < 6) await new Promise(resolve => setTimeout(resolve, 10))
  }
  const described = await evert(directory, ['describe', 'stats', '--cluster', 'file:./data'])
  assert.match(described.stdout, /^Group stats: streams, Empty\nTOPIC .*\nvisits  0 +3 +3 +0\n$/)
  const groups = await evert(directory, ['groups', '--cluster', 'file:./data'])
  assert.match(groups.stdout, /\nstats +Streams +Empty\n$/)
  const topics = await evert(directory, ['topics', '--cluster', 'file:./data'])
  assert.match(topics.stdout, /\nvisits-by-page +1\n$/)

  const { inputs } = await rewindApplication('stats', { cluster, to: 'beginning' })
  assert.deepEqual(
    inputs.map(({ to }) => to),
    [0],
  )
})

test('a command line that is not understood has status 2, one that is refused status 1', {
  timeout: 60_000,
}, async t => {
  const directory = mkdtempSync(join(tmpdir(), 'evert-docs-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const cases: [args: string[], status: number, output: RegExp][] = [
    [[], 2, /evert COMMAND/],
    [['--help'], 0, /rewind +Makes an application/],
    [['rewind', '--help'], 0, /--dry-run +shows what would be done/],
    [['wind'], 2, /there is no command "wind"/],
    [['rewind'], 2, /APP is missing/],
    [['rewind', 'a', 'b', '--cluster', 'file:x', '--to', 'end'], 2, /"b" is one argument too many/],
    [['rewind', 'a', '--to', 'end'], 2, /--cluster is missing/],
    [['rewind', 'a', '--cluster', 'file:x'], 2, /--to is missing/],
    [['rewind', 'a', '--cluster', 'file:x', '--to', 'end', '--all'], 2, /--all/],
    [['rewind', 'a', '--cluster', 'file:x', '--to', 'end', '--to', 'beginning'], 2, /--to is given twice/],
    [
      ['rewind', 'a', '--cluster', 'kafka://127.0.0.1:1', '--to', 't:0=2,t:0=5'],
      2,
      /partition 0 of "t" twice/,
    ],
    [['rewind', 'a', '--cluster', 'memory:', '--to', 'end'], 2, /in the process that made it/],
    [['rewind', 'a', '--cluster', 'file:x', '--to', 'end'], 1, /There is no log in .*x\./],
  ]
  await Promise.all(
    cases.map(async ([args, status, output]) => {
      const ended = await evert(directory, args)
      assert.equal(ended.status, status, args.join(' '))
      assert.match(ended.stdout + ended.stderr, output)
    }),
  )
})
