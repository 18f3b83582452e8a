import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTopics, deleteTopics, openCluster } from 'evert/client'
import type { Work } from '../suite.ts'
import { cpuSecondsOf, peakRssBytesOf } from './process-usage.ts'
import { allCommitted, internalTopics, recordsIn } from './progress.ts'
import { recordsWritten, resultOf } from './results.ts'
import type { Service } from './service.ts'
import { inputsOf, PARTITIONS } from './topics.ts'

/** What a service is told on its command line: evert-service.ts and java/Service.java take the same. */
export interface ServiceParameters {
  readonly work: string
  readonly brokers: string
  readonly applicationId: string
  readonly output: string
  readonly stateDir: string
  readonly commitIntervalMs: number
}

export type StartService = (parameters: ServiceParameters) => Promise<Service>

/** All works, done by applications that `start` starts. */
export function serviceWorks(start: StartService): Record<string, Work> {
  return Object.fromEntries(Object.keys(inputsOf).map(work => [work, () => prepare(work, start)]))
}

/**
 * Measured is from when the tasks run, with nothing processed yet, until the positions of all inputs are committed:
 * the process of the application alone, with neither its start nor the broker.
 */
async function prepare(work: string, start: StartService) {
  const brokers = process.env.COMPARE_BROKERS as string
  const inputs = inputsOf[work] as readonly string[]
  const cluster = await openCluster(`kafka://${brokers}`)
  const applicationId = `compare-${work}-${randomBytes(4).toString('hex')}`
  const output = `${applicationId}.output`
  const stateDir = await mkdtemp(join(tmpdir(), 'evert-compare-'))
  await createTopics(cluster, [
    { name: output, partitions: PARTITIONS, replicationFactor: 1, configs: { 'retention.ms': '-1' } },
  ])
  const records = await recordsIn(cluster, inputs)
  return {
    async run() {
      const service = await start({ work, brokers, applicationId, output, stateDir, commitIntervalMs: 100 })
      const cpuBefore = cpuSecondsOf(service.pid)
      const startedAt = performance.now()
      await Promise.race([service.failed, allCommitted(cluster, applicationId, inputs)])
      const seconds = (performance.now() - startedAt) / 1000
      const cpuSeconds = cpuSecondsOf(service.pid) - cpuBefore
      const peakRssBytes = peakRssBytesOf(service.pid)
      await service.end()
      return { records, seconds, cpuSeconds, peakRssBytes }
    },
    async result() {
      return resultOf(cluster, work, output)
    },
    written: () => recordsWritten(cluster, applicationId, output),
    async close() {
      await deleteTopics(cluster, [output, ...(await internalTopics(cluster, applicationId))])
      await cluster.close()
      await rm(stateDir, { recursive: true, force: true })
    },
  }
}
