import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '../..')
const pages = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'docs/async.md',
  'docs/errors.md',
  'docs/guarantees.md',
  'docs/instances.md',
  'docs/processors-and-stores.md',
  'docs/operations.md',
  'docs/operators.md',
  'docs/rewind.md',
  'docs/testing.md',
  'docs/time.md',
  'docs/topology.md',
  'docs/workers.md',
  'examples/orders/README.md',
]

test('the twenty lines of the README are the example that runs', async t => {
  const example = join(root, 'examples/hello/shop.ts')
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  assert.ok(readme.includes(`\`\`\`ts\n${readFileSync(example, 'utf8')}\`\`\``))
  const directory = mkdtempSync(join(tmpdir(), 'evert-hello-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--conditions=evert-source',
    example,
    `file:${directory}`,
  ])
  assert.match(stdout, /key: 'order-1'/)
  assert.match(stdout, /orderValue: 14850/)
})

test('files and scripts that the pages name exist', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8')
    for (const [, target] of text.matchAll(/\]\(((?!https?:)[^)#]+)\)/g)) {
      assert.ok(existsSync(join(root, page, '..', target as string)), `${page} links to ${target}`)
    }
    for (const [, path] of text.matchAll(/`((?:src|test|bench|tools|examples|docs)\/[\w./-]+)`/g)) {
      assert.ok(existsSync(join(root, path as string)), `${page} names ${path}`)
    }
    for (const [, script] of text.matchAll(/npm run ([\w:-]+)/g)) {
      assert.ok(scripts[script as string] !== undefined, `${page} names the script ${script}`)
    }
  }
})
