import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StreamsBuilder, Topic } from 'evert'
import { type BatchDriver, batchDriver, type recordBatches } from 'evert/testing'
import { type Case, measure } from './measure.ts'

export type Batches = ReturnType<typeof recordBatches>

/** What goes into one topic. */
export type Feed = readonly [Topic<unknown, unknown>, Batches]

/** A topology that is measured alone: no log, one task at a time, fed with record batches made beforehand. */
export interface EngineCase {
  readonly description: string
  readonly build: () => StreamsBuilder
  /** Processed before the measurement begins. */
  readonly before?: () => readonly Feed[]
  /** Processed while it is measured; what counts as records. */
  readonly inputs: () => readonly Feed[]
  /** As `inputs`, when everything that follows from those is done. */
  readonly lastInputs?: () => readonly Feed[]
  /** How many records must have been written to which topic in the end: that the work was done. */
  readonly outputs: Readonly<Record<string, number>>
}

/** The case in memory and in LMDB; commits every 10,000 records, as its tasks take them. */
export function engineCase({ description, build, before, inputs, lastInputs, outputs }: EngineCase): Case {
  return {
    description,
    variants: ['memory', 'lmdb'],
    onRequest: true,
    async run(variant) {
      const directory = await mkdtemp(join(tmpdir(), 'evert-bench-'))
      const driver = batchDriver(build(), variant === 'lmdb' ? { stateDir: join(directory, 'state') } : {})
      feedAll(driver, before?.() ?? [])
      driver.run()
      const phases = [inputs(), lastInputs?.() ?? []]
      const measurement = await measure(async () => {
        let records = 0
        for (const phase of phases) {
          records += feedAll(driver, phase)
          driver.run()
        }
        return records
      })
      for (const [topic, count] of Object.entries(outputs)) {
        const written = driver.written.get(topic) ?? 0
        if (written !== count) throw new Error(`${written} records went to ${topic}, not ${count}.`)
      }
      await driver.close()
      await rm(directory, { recursive: true, force: true })
      return measurement
    },
  }
}

function feedAll(driver: BatchDriver, feeds: readonly Feed[]): number {
  let records = 0
  for (const [topic, batches] of feeds) {
    driver.feed(topic, batches)
    for (const batch of batches) records += batch.count
  }
  return records
}
