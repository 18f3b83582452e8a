import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEmbedded } from 'evert/broker'
import {
  type Cluster,
  clusterFromTransport,
  createTopics,
  inProcessTransport,
  Producer,
  transportOptions,
} from 'evert/client'

export const TOPIC = 'bench'
export const PARTITIONS = 6
export const KEYS = 100_000
/** The value of every record: 100 bytes of JSON-like text. */
export const VALUE = Buffer.from(
  `{"orderId":"00000000","state":"CREATED","quantity":10,"price":1299}`.padEnd(100, ' '),
)

export interface OpenLog {
  readonly cluster: Cluster
  /** For the state of an application; removed with the log. */
  readonly stateDirectory: string
  close(): Promise<void>
}

/** A durable log in a directory of its own, in this process; with it a topic of six partitions. */
export async function openLog(): Promise<OpenLog> {
  const directory = await mkdtemp(join(tmpdir(), 'evert-bench-'))
  const embedded = await openEmbedded(`file:${directory}`)
  if (embedded.kind === 'remote') throw new Error(`Another process owns ${directory}.`)
  const cluster = clusterFromTransport(inProcessTransport(embedded.broker, transportOptions({})))
  await createTopics(cluster, [{ name: TOPIC, partitions: PARTITIONS }])
  return {
    cluster,
    stateDirectory: join(directory, 'state'),
    close: async () => {
      await cluster.close()
      await embedded.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Appends `records` records of 100 bytes with one of `keys` keys; durable when it resolves. */
export async function appendRecords(cluster: Cluster, records: number, keys: number): Promise<void> {
  const keyBytes = Array.from({ length: keys }, (_, index) => Buffer.from(`customer-${index}`))
  await using producer = new Producer(cluster)
  for (let index = 0; index < records; index++) {
    producer.append(TOPIC, undefined, 1_700_000_000_000 + index, keyBytes[index % keys] as Buffer, VALUE, [])
    // Backpressure by the batch: an await for every record would cost more than the append.
    if (index % 1000 === 999 && producer.isFull) await producer.drained()
  }
  await producer.flush()
}
