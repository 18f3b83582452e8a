import { appendRecords, openLog } from '../harness/embedded-log.ts'
import { type Case, measure } from '../harness/measure.ts'

const RECORDS = 2_000_000

export const benchmark: Case = {
  description:
    '2 M records of 100 bytes appended to 6 partitions of the embedded log, every batch on disk (fdatasync)',
  async run() {
    const log = await openLog()
    const measurement = await measure(async () => {
      await appendRecords(log.cluster, RECORDS, 10_000)
      return RECORDS
    })
    await log.close()
    return measurement
  },
}
