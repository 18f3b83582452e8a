import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ApplicationState } from '../streams/runtime/application-life.ts'
import { applicationHealth } from './application-health.ts'
import type { Instance } from './instance.ts'

interface Figures {
  state: ApplicationState
  restoredRatio: number
  maxLag: number
  failure: Error | undefined
}

function probes(figures: Figures, maxReadyLag?: number) {
  const routes = applicationHealth(figures as Instance, maxReadyLag === undefined ? {} : { maxReadyLag })
  return async (probe: string): Promise<[number, Record<string, unknown>]> => {
    const response = await routes.fetch(new Request(`http://localhost/health/${probe}`))
    return [response.status, (await response.json()) as Record<string, unknown>]
  }
}

test('startup tells how much state is restored, and is done when the tasks have run once', async () => {
  const figures: Figures = { state: 'REBALANCING', restoredRatio: 0.437, maxLag: 0, failure: undefined }
  const probe = probes(figures)
  const [status, { detail, restoredPercent }] = await probe('startup')
  assert.deepEqual([status, restoredPercent], [503, 43])
  assert.match(String(detail), /REBALANCING.*restored to 43 %/)
  assert.equal((await probe('live'))[0], 200)
  figures.state = 'RUNNING'
  figures.restoredRatio = 1
  assert.equal((await probe('startup'))[0], 200)
  figures.state = 'REBALANCING'
  assert.equal((await probe('startup'))[0], 200)
  assert.equal((await probe('ready'))[0], 503)
})

test('an instance that is too far behind is not ready, if there is a limit', async () => {
  const figures: Figures = { state: 'RUNNING', restoredRatio: 1, maxLag: 501, failure: undefined }
  const [status, { detail, lag }] = await probes(figures, 500)('ready')
  assert.deepEqual([status, lag], [503, 501])
  assert.equal(detail, 'An input partition is 501 offsets behind; ready are 500 at most.')
  assert.equal((await probes(figures, 501)('ready'))[0], 200)
  assert.equal((await probes(figures)('ready'))[0], 200)
  assert.equal((await probes(figures, 500)('live'))[0], 200)
  assert.equal((await probes(figures, 500)('startup'))[0], 200)
})
