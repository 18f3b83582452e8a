import assert from 'node:assert/strict'
import { existsSync, mkdtempDisposableSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { acquireLock } from './directory-lock.ts'
import { makeDirectory } from './make-directory.ts'

const newDirectory = () => mkdtempDisposableSync(join(tmpdir(), 'evert-make-'))

test('missing parents are made, and what is there is kept', () => {
  using directory = newDirectory()
  const path = join(directory.path, 'a', 'b', 'c')
  makeDirectory(path)
  writeFileSync(join(path, 'kept'), '')
  makeDirectory(path)
  assert.ok(existsSync(join(path, 'kept')))
  assert.ok(statSync(path).isDirectory())
})

test('a file in its place, or above it, and a link to nowhere are refused with path and reason', () => {
  using directory = newDirectory()
  const file = join(directory.path, 'file')
  const link = join(directory.path, 'link')
  writeFileSync(file, '')
  symlinkSync(join(directory.path, 'nowhere'), link)
  for (const [path, reason] of [
    [file, 'is a file'],
    [join(file, 'below'), 'ENOTDIR'],
    [link, 'EEXIST'],
  ] as const) {
    for (const use of [makeDirectory, acquireLock]) {
      assert.throws(
        () => use(path),
        (error: Error & { code: string }) =>
          error.code === 'DISK' && error.message.includes(path) && error.message.includes(reason),
      )
    }
  }
})

test('a directory in /proc is refused, not tried without end', { skip: process.platform !== 'linux' }, () => {
  assert.throws(() => makeDirectory('/proc/evert/data'), {
    code: 'DISK',
    message: /\/proc\/evert\/data cannot be used: ENOENT/,
  })
  // This one is there, and takes no lock file.
  assert.throws(() => acquireLock('/proc'), { code: 'DISK', message: /\/proc cannot be used: ENOENT/ })
})
