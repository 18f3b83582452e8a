import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bar, statusLine } from './progress.ts'

function terminal(isTTY: boolean) {
  const written: string[] = []
  const output = { isTTY, columns: 20, write: (text: string) => written.push(text) }
  return { written, output: output as unknown as NodeJS.WriteStream }
}

test('on a terminal the line is rewritten in place and cut to its width', () => {
  const { written, output } = terminal(true)
  const line = statusLine(output)
  line.show('one')
  line.show('one')
  line.show('a line that is longer than the terminal is wide')
  line.end()
  assert.deepEqual(written, ['\r\x1b[Kone', '\r\x1b[Ka line that is long', '\n'])
})

test('elsewhere a line comes now and then, and the last one always', () => {
  const { written, output } = terminal(false)
  let nowMs = 0
  const line = statusLine(output, { plainEveryMs: 1000, nowMs: () => nowMs })
  for (const [atMs, text] of [
    [0, 'first'],
    [999, 'too soon'],
    [1000, 'second'],
    [1500, 'last'],
  ] as const) {
    nowMs = atMs
    line.show(text)
  }
  line.end()
  assert.deepEqual(written, ['first\n', 'second\n', 'last\n'])
})

test('a bar fills from left to right; without a terminal it is its figure', () => {
  assert.equal(bar(0, 4, true), '[--------------------]   0 %')
  assert.equal(bar(1, 4, true), '[#####---------------]  25 %')
  assert.equal(bar(999, 1000, true), '[####################]  99 %')
  assert.equal(bar(4, 4, true), '[####################] 100 %')
  assert.equal(bar(0, 0, true), '[####################] 100 %')
  assert.equal(bar(1, 3, false), '33 %')
})
