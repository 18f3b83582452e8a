import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { testDriver } from 'evert/testing'
import { stats, text, visits } from './topology/visits.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/topology.md'), 'utf8')

test('the example of docs/topology.md is a file that runs, with the description that it shows', () => {
  const blocks = Array.from(page.matchAll(/```(ts)?\n(.*?)```/gs), ([, , code]) => code)
  const file = readFileSync(join(import.meta.dirname, 'topology/visits.ts'), 'utf8')
  assert.deepEqual(blocks, [file, text])
  const driver = testDriver(stats)
  for (const user of ['a', 'b']) driver.send(visits, { key: user, value: '/home' })
  assert.deepEqual(
    driver.rows<string, number>('visits-by-page').map(({ key, value }) => [key, value]),
    [['/home', 2]],
  )
})
