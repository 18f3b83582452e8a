import { app, int64, string, topic } from 'evert'
import { listOffsets } from 'evert/client'
import { appendRecords, KEYS, openLog, PARTITIONS, TOPIC } from '../harness/embedded-log.ts'
import { type Case, measure } from '../harness/measure.ts'

const RECORDS = 2_000_000

const input = topic(TOPIC, { key: string, value: string, partitions: PARTITIONS })
const counts = topic('counts', { key: string, value: int64, partitions: PARTITIONS })

export const benchmark: Case = {
  description:
    '2 M records of 100 bytes counted by 100 k keys, every update to a topic; embedded log, state in LMDB, exactly once',
  async run() {
    const log = await openLog()
    await appendRecords(log.cluster, RECORDS, KEYS)
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
    const ends = await listOffsets(
      log.cluster,
      partitions.map(partition => ({ topic: TOPIC, partition, at: 'latest' as const })),
    )
    const counting = app('counting')
    counting.stream(input).groupByKey().count({ store: 'counts' }).toStream().to(counts)
    const measurement = await measure(async () => {
      await using running = await counting.start({ cluster: log.cluster, stateDir: log.stateDirectory })
      await new Promise<void>(resolve => {
        const check = (): void => {
          const position = running.position()
          const isDone = ends.every(({ partition, offset }) => (position[TOPIC]?.[partition] ?? 0) >= offset)
          if (isDone) resolve()
        }
        running.onChange(check)
        check()
      })
      return RECORDS
    })
    await log.close()
    return measurement
  },
}
