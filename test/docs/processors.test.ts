import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '../..')

test('the examples of docs/processors-and-stores.md are files that run', () => {
  const page = readFileSync(join(root, 'docs/processors-and-stores.md'), 'utf8')
  const blocks = Array.from(page.matchAll(/```ts\n(.*?)```/gs), ([, code]) => code)
  const files = ['alerts.ts', 'alerts.test.ts'].map(file =>
    readFileSync(join(import.meta.dirname, 'processors', file), 'utf8'),
  )
  assert.deepEqual(blocks, files)
})
