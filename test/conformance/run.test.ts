import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

const run = (...args: string[]) =>
  spawnSync(process.execPath, [join(import.meta.dirname, 'run.ts'), ...args], { encoding: 'utf8' })

const passing = {
  name: 'copy/0',
  topology: [
    { op: 'stream', id: 's', topics: ['in'] },
    { op: 'to', from: 's', topic: 'out' },
  ],
  steps: [
    {
      topic: 'in',
      key: 'a',
      value: 'x',
      timestamp: 1,
      out: [{ topic: 'out', key: 'a', value: 'x', timestamp: 1 }],
    },
  ],
  stores: {},
}
const failing = { ...passing, name: 'copy/1', steps: [{ ...passing.steps[0], out: [] }] }
const unknown = { ...passing, name: 'other/0', topology: [{ op: 'teleport', id: 's' }] }

function withVectors(vectors: readonly unknown[], check: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'evert-vectors-'))
  try {
    writeFileSync(join(folder, 'v.jsonl'), vectors.map(vector => `${JSON.stringify(vector)}\n`).join(''))
    check(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('failing vectors are named with their step, unknown ones are skipped, and the status is 1', () => {
  withVectors([passing, failing, unknown], folder => {
    const { stdout, status } = run(folder)
    assert.match(stdout, /^FAILED copy\/1: step 0 .*expected \[\], got/m)
    assert.match(stdout, /^SKIPPED other\/0: unknown teleport$/m)
    assert.match(stdout, /\n1 passed, 1 failed, 1 skipped\n$/)
    assert.equal(status, 1)
  })
})

test('the status is 0 when all that ran passed', () => {
  withVectors([passing, unknown], folder => {
    const { stdout, status } = run(folder)
    assert.match(stdout, /\n1 passed, 0 failed, 1 skipped\n$/)
    assert.equal(status, 0)
  })
})

test('a run of nothing but skipped vectors is no success', () => {
  withVectors([unknown], folder => assert.equal(run(folder).status, 1))
})

test('help and wrong arguments', () => {
  assert.equal(run('--help').status, 0)
  assert.match(run('--help').stdout, /^Usage: npm run conformance/)
  const missing = run(join(tmpdir(), 'no-such-folder-of-vectors'))
  assert.match(missing.stderr, /is not a folder/)
  assert.equal(missing.status, 1)
})
