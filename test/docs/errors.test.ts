import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '../..')

test('the examples of docs/errors.md are files that run', () => {
  const page = readFileSync(join(root, 'docs/errors.md'), 'utf8')
  const blocks = Array.from(page.matchAll(/```ts\n(.*?)```/gs), ([, code]) => code)
  const files = ['invoices.ts', 'invoices.test.ts'].map(file =>
    readFileSync(join(import.meta.dirname, 'errors', file), 'utf8'),
  )
  assert.deepEqual(blocks, files)
})
