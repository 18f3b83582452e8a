import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCluster } from 'evert/client'
import { startKafka } from '../../../test/interop/kafka.ts'
import type { Suite } from '../suite.ts'
import { compileService } from './java-side.ts'
import { writeInputs } from './inputs.ts'

const RECORDS = 2_000_000

export const suite: Suite = {
  description:
    'Kafka Streams 4.3.1 (RocksDB, default record cache, one stream thread, 1 GiB of heap) and Evert (LMDB, one worker) ' +
    'on one Apache Kafka 4.3.1 broker; exactly once, commits every 100 ms; orders of 120 bytes of JSON, 4 partitions',
  engines: ['evert', 'kafka-streams'],
  works: {
    'filter-map': 'orders of more than one piece, mapped to smaller ones',
    count: 'orders counted by customer, 100 k of them; the table’s updates to a topic',
    'windowed-count': 'orders counted by customer and minute, 60 k orders in each; the updates to a topic',
    're-key-sum': 'orders re-keyed by product, 100 of them, and their amounts summed; the updates to a topic',
    'stream-table-join': 'orders joined with the table of 100 k customers, which is loaded first',
    'stream-stream-join': 'orders and as many payments 5 s later joined by order within 30 s',
  },
  async open({ records = RECORDS }) {
    const kafka = await startKafka()
    const directory = await mkdtemp(join(tmpdir(), 'evert-compare-java-'))
    const close = async (): Promise<void> => {
      await rm(directory, { recursive: true, force: true })
      await kafka.stop()
    }
    try {
      const classPath = await compileService(directory)
      const cluster = await openCluster(kafka.url)
      await writeInputs(cluster, records)
      await cluster.close()
      const brokers = kafka.url.replace('kafka://', '')
      return { environment: { COMPARE_BROKERS: brokers, COMPARE_CLASS_PATH: classPath }, close }
    } catch (error) {
      await close()
      throw error
    }
  },
}
