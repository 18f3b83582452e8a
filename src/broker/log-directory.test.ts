import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { logDirectory } from './log-directory.ts'

test('a file: URL names a directory', () => {
  for (const [url, directory] of [
    ['file:data', resolve('data')],
    ['file:./~', resolve('~')],
    ['file:/var/lib/shop', resolve('/var/lib/shop')],
    ['file:///var/lib/my%20shop', resolve('/var/lib/my shop')],
  ] as const) {
    assert.equal(logDirectory(url), directory)
  }
})

test('one that names none, or most likely another one than is meant, is refused with what to write', () => {
  const cases: [string, RegExp][] = [
    ['file:', /names no directory; write file:\.\/data/],
    ['file://', /the root directory; write .*file:\.\/data/],
    ['file:///', /the root directory/],
    ['file:/', /the root directory/],
    ['file:a/../../../../../../../../../../../..', /the root directory/],
    ['file:~', /only a shell replaces; write the whole path/],
    ['file:~/x', /only a shell replaces; write the whole path/],
    ['file://tmp/x', /write file:DIRECTORY for a relative path and file:\/DIRECTORY/],
    ['file:///a%2Fb', /write file:DIRECTORY/],
    ['file:a\0b', /names no directory/],
    ['memory:', /names no embedded log/],
  ]
  for (const [url, message] of cases) {
    assert.throws(() => logDirectory(url), { code: 'INVALID_CLUSTER_URL', message })
  }
})
