import { openCluster } from '../../src/app/open-cluster.ts'
import { createTopics } from '../../src/client/admin.ts'
import type { Cluster } from '../../src/client/cluster.ts'
import { Producer } from '../../src/client/producer.ts'
import { type Application, startApplication } from '../../src/streams/runtime/application.ts'
import { MemoryEngine } from '../../src/streams/state/memory.ts'
import { appendUsers } from './chaos-topics.ts'
import { BASE_MS, inputs, outputs, shopTopology, STEP_MS, textOf } from './shop.ts'
import { readRows, type Row } from './tail.ts'
import type { WrittenEntry } from './writer.ts'

/** The same application, alone on a log in memory: what its outputs are when nothing happens to it. */
export class UndisturbedRun implements AsyncDisposable {
  readonly #cluster: Cluster
  readonly #application: Application
  readonly #producer: Producer

  private constructor(cluster: Cluster, application: Application) {
    this.#cluster = cluster
    this.#application = application
    this.#producer = new Producer(cluster)
  }

  static async start(): Promise<UndisturbedRun> {
    const cluster = await openCluster('memory:undisturbed')
    await createTopics(cluster, inputs)
    await appendUsers(cluster)
    const options = { topology: shopTopology(), cluster, engine: new MemoryEngine(), commitIntervalMs: 50 }
    const application = await startApplication(options)
    await application.whenRunning()
    return new UndisturbedRun(cluster, application)
  }

  /** The outputs after these inputs too. */
  async outputsAfter(entries: readonly WrittenEntry[]): Promise<Map<string, Row[]>> {
    for (const entry of entries) {
      const { n, topic, partition } = entry
      const value = Buffer.from(textOf(entry))
      this.#producer.append(topic, partition, BASE_MS + n * STEP_MS, Buffer.from(String(n)), value, [])
    }
    await this.#producer.flush()
    return this.#settledOutputs()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#producer.close()
    await this.#application.close()
    await this.#cluster.close()
  }

  /** Read once a while has brought nothing new: nothing is in the way of a single instance. */
  async #settledOutputs(): Promise<Map<string, Row[]>> {
    let before = -1
    for (;;) {
      const rows = new Map<string, Row[]>()
      for (const { name } of outputs) rows.set(name, await readRows(this.#cluster, name))
      const count = [...rows.values()].reduce((sum, { length }) => sum + length, 0)
      if (count === before) return rows
      before = count
      await new Promise(resolve => setTimeout(resolve, 1_500))
    }
  }
}
