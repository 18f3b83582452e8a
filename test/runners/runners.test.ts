import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { scenarios } from './scenarios.ts'

const require = createRequire(import.meta.url)
const runners = {
  vitest: { nodeOptions: [], arguments: ['run'] },
  jest: { nodeOptions: ['--experimental-vm-modules'], arguments: [] },
} as const
const count = Object.keys(scenarios).length

for (const runner of ['vitest', 'jest'] as const) {
  test(`scenarios pass under ${runner}`, async () => {
    const { status, output } = await run(runner)
    assert.equal(status, 0, output)
    assert.match(output, new RegExp(`Tests:? +${count} passed`))
  })

  test(`a difference can be read under ${runner}, and leads to the line of the test`, async () => {
    const { status, output } = await run(runner, { EVERT_FAILING: '1' })
    assert.equal(status, 1, output)
    assert.match(output, /- \{ key: 'ann', value: 13 \}\n +\+ \{ key: 'ann', value: 12 \}\n/)
    assert.match(output, /scenarios\.ts:\d+/)
    assert.doesNotMatch(output, /record-difference|assertSameRecords/)
  })
}

/** As its own command would. */
async function run(
  runner: keyof typeof runners,
  env: Readonly<Record<string, string>> = {},
): Promise<{ status: number | null; output: string }> {
  const manifest = require.resolve(`${runner}/package.json`)
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: string | Record<string, string> }
  const script = join(dirname(manifest), typeof bin === 'string' ? bin : (bin[runner] as string))
  const { nodeOptions, arguments: args } = runners[runner]
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...inherited } = process.env
  const child = spawn(process.execPath, [...nodeOptions, script, ...args], {
    cwd: import.meta.dirname,
    env: { ...inherited, NO_COLOR: '1', FORCE_COLOR: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (text: string) => {
      output += text
    })
  }
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  return { status, output }
}
