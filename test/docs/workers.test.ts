import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '../..')
const files = ['shop.ts', 'main.ts'].map(file => join(import.meta.dirname, 'workers', file))

test('the example of docs/workers.md runs', async () => {
  const page = readFileSync(join(root, 'docs/workers.md'), 'utf8')
  const blocks = Array.from(page.matchAll(/```ts\n(.*?)```/gs), ([, code]) => code)
  assert.deepEqual(
    blocks,
    files.map(file => readFileSync(file, 'utf8')),
  )
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--conditions=evert-source',
    files[1] as string,
    'memory:',
  ])
  assert.equal(stdout, '42 shop-1,shop-2\n')
})
