import { readTopic } from 'evert/client'
import { appendRecords, openLog, TOPIC } from '../harness/embedded-log.ts'
import { type Case, measure } from '../harness/measure.ts'

const RECORDS = 2_000_000

export const benchmark: Case = {
  description:
    '2 M records of 100 bytes fetched from the embedded log, checksums compared, key and value of each sliced',
  async run() {
    const log = await openLog()
    await appendRecords(log.cluster, RECORDS, 10_000)
    const measurement = await measure(async () => {
      let records = 0
      let bytes = 0
      for await (const { batches } of readTopic(log.cluster, TOPIC)) {
        for (const batch of batches) {
          const columns = batch.records()
          for (let index = 0; index < columns.count; index++) {
            bytes += (columns.key(index)?.length ?? 0) + (columns.value(index)?.length ?? 0)
          }
          records += columns.count
        }
      }
      if (records !== RECORDS || bytes < RECORDS * 100)
        throw new Error(`Read ${records} records of ${bytes} bytes.`)
      return records
    })
    await log.close()
    return measurement
  },
}
