import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '../contracts/codecs.ts'
import { topic } from '../contracts/topic.ts'
import type { Logger } from '../streams/runtime/logger.ts'
import { app } from './app.ts'

const clicks = topic('clicks', { key: string, value: string })

type Line = readonly [level: string, fields: Readonly<Record<string, unknown>>, message: string]

/** Of the shape of pino: lines of a child have the fields of all its parents. */
function recorder(lines: Line[], fields: Readonly<Record<string, unknown>> = {}) {
  const at = (level: string) => (message: string) => void lines.push([level, fields, message])
  return {
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (more: Readonly<Record<string, unknown>>): Logger => recorder(lines, { ...fields, ...more }),
  }
}

test('lines of a logger with children have fields; a failure is an error', async () => {
  const lines: Line[] = []
  const counting = app('logged')
  counting
    .stream(clicks)
    .peek(text => {
      if (text === 'bad') throw new Error('it is bad')
    })
    .groupByKey()
    .count()
  const running = await counting.start({
    cluster: 'memory:logged',
    logger: recorder(lines),
    onFailure() {},
  })
  await running.whenRunning()
  await running.append(clicks, 'k', 'bad')
  await running.whenEnded()
  const states = lines.filter(([, fields]) => fields['state'] !== undefined)
  assert.deepEqual(
    states.map(([level, fields]) => [level, fields['application'], fields['before'], fields['state']]),
    [
      ['info', 'logged', 'CREATED', 'REBALANCING'],
      ['info', 'logged', 'REBALANCING', 'RUNNING'],
    ],
  )
  const errors = lines.filter(([level]) => level === 'error')
  assert.equal(errors.length, 1)
  assert.match(errors[0]?.[2] ?? '', /"logged" stops: .*it is bad/)
})

test('a logger of two functions is enough: a failure is then a warning', async () => {
  const warnings: string[] = []
  const failing = app('logged-plainly')
  failing.stream(clicks).peek(() => {
    throw new Error('it is bad')
  })
  const running = await failing.start({
    cluster: 'memory:logged-plainly',
    logger: { info() {}, warn: message => warnings.push(message) },
    onFailure() {},
  })
  await running.append(clicks, 'k', 'x')
  await running.whenEnded()
  assert.ok(warnings.some(each => /"logged-plainly" stops: .*it is bad/.test(each)))
})
