import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileLines, MAX_LINE_LENGTH } from './file-lines.ts'

async function linesOf(t: TestContext, content: string) {
  const directory = mkdtempSync(join(tmpdir(), 'evert-lines-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'x.txt')
  writeFileSync(file, content)
  return Array.fromAsync(fileLines(file))
}

test('lines end as on any system, and the last one without an end', async t => {
  const lines = await linesOf(t, 'a\nb\r\n\nc\rd')
  assert.deepEqual(
    lines.map(({ at, text }) => [at, text]),
    [
      [1, 'a'],
      [2, 'b'],
      [3, ''],
      [4, 'c'],
      [5, 'd'],
    ],
  )
})

test('a line end that falls between two chunks is one line end', async t => {
  const long = 'x'.repeat(65_535)
  const lines = await linesOf(t, `${long}\r\nb\n`)
  assert.deepEqual(
    lines.map(({ at, text, isOverlong }) => [at, text.length, isOverlong]),
    [
      [1, 65_535, false],
      [2, 1, false],
    ],
  )
})

test('of an overlong line the start is kept, and the lines after it keep their numbers', async t => {
  const lines = await linesOf(t, `${'€'.repeat(1_000_000)}\nb`)
  assert.deepEqual(
    lines.map(({ at, text, isOverlong }) => [at, text.length, isOverlong]),
    [
      [1, MAX_LINE_LENGTH, true],
      [2, 1, false],
    ],
  )
})

test('timers run while a file is read', async t => {
  let turns = 0
  const timer = setInterval(() => turns++, 0)
  t.after(() => clearInterval(timer))
  let turnsInside = 0
  const directory = mkdtempSync(join(tmpdir(), 'evert-lines-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'x.txt')
  writeFileSync(file, 'one line\n'.repeat(1_000_000))
  for await (const { at } of fileLines(file)) if (at === 999_999) turnsInside = turns
  assert.ok(turnsInside > 0)
})
