import { listOffsets } from 'evert/client'
import { counting } from '../harness/counting-application.ts'
import { appendRecords, KEYS, openLog, PARTITIONS, TOPIC } from '../harness/embedded-log.ts'
import { type Case, measure } from '../harness/measure.ts'

const RECORDS = 1_500_000
const WORKERS: Readonly<Record<string, number>> = { none: 0, one: 1, two: 2 }

export const benchmark: Case = {
  description:
    '1.5 M records of 100 bytes counted by 100 k keys as in count, on the thread of the embedded log (none) or on worker threads beside it; from when all tasks run, their state warm',
  variants: Object.keys(WORKERS),
  onRequest: true,
  async run(variant) {
    const log = await openLog()
    const workers = WORKERS[variant] ?? 0
    const module = new URL('../harness/counting-application.ts', import.meta.url)
    const running = await counting.start({
      cluster: log.cluster,
      stateDir: log.stateDirectory,
      ...(workers > 0 && { workers: { count: workers, module } }),
    })
    await appendRecords(log.cluster, KEYS, KEYS)
    await untilDone()
    // The tasks are where they stay, and the records where they can be fetched: what follows is counting alone.
    running.pause()
    await appendRecords(log.cluster, RECORDS, KEYS)
    const measurement = await measure(async () => {
      running.resume()
      await untilDone()
      return RECORDS
    })
    await running.close()
    await log.close()
    return measurement

    async function untilDone(): Promise<void> {
      await running.whenRunning()
      const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
      const ends = await listOffsets(
        log.cluster,
        partitions.map(partition => ({ topic: TOPIC, partition, at: 'latest' as const })),
      )
      await new Promise<void>(resolve => {
        const check = (): void => {
          const position = running.position()
          const isDone = ends.every(({ partition, offset }) => (position[TOPIC]?.[partition] ?? 0) >= offset)
          if (!isDone) return
          stop()
          resolve()
        }
        const stop = running.onChange(check)
        check()
      })
    }
  },
}
