import type { Cluster } from '../../client/cluster.ts'
import { Fetcher, type PartitionPosition } from '../../client/fetcher.ts'
import type { TopicPartition } from '../../client/topic-partitions.ts'
import type { HostedTask } from './hosted-task.ts'

/** Records of one input partition that may wait in a task; beyond, fetching rests until half of them are done. */
const BUFFERED_RECORDS = 20_000

/** Brings what is fetched to the tasks that read it, and lets a partition rest while its task has enough. */
export class InputFlow {
  readonly #fetcher: Fetcher
  /** By input partition; a topic has one reader. */
  readonly #readers = new Map<string, HostedTask>()
  readonly #resting = new Map<string, TopicPartition>()

  /** `topicTimeoutMs`: how long a topic may be missing before `take` fails. */
  constructor(cluster: Cluster, topicTimeoutMs: number) {
    this.#fetcher = new Fetcher(cluster, { offsetReset: 'fail', topicTimeoutMs })
  }

  /** The task runs: its inputs are read from these positions. */
  open(task: HostedTask, positions: readonly PartitionPosition[]): void {
    for (const position of positions) this.#readers.set(keyOf(position), task)
    this.#fetcher.assign(positions)
  }

  close(task: HostedTask): void {
    const inputs = task.topics.map(topic => ({ topic, partition: task.partition }))
    this.#fetcher.unassign(inputs)
    for (const input of inputs) {
      this.#readers.delete(keyOf(input))
      this.#resting.delete(keyOf(input))
    }
  }

  /** Gives the tasks what was fetched, waiting for it for a while; whether there was something. */
  async take(maxWaitMs: number): Promise<boolean> {
    let hasTaken = false
    for (const part of await this.#fetcher.poll({ maxWaitMs })) {
      const task = this.#readers.get(keyOf(part))
      if (task === undefined) continue
      task.enqueue(part)
      hasTaken = true
      if (task.bufferedOf(part.topic) < BUFFERED_RECORDS) continue
      this.#fetcher.pause(part.topic, part.partition)
      this.#resting.set(keyOf(part), { topic: part.topic, partition: part.partition })
    }
    return hasTaken
  }

  /** Reads on where tasks have worked off enough. */
  wakeRested(): void {
    for (const [key, { topic, partition }] of this.#resting) {
      const waiting = this.#readers.get(key)?.bufferedOf(topic) ?? 0
      if (waiting > BUFFERED_RECORDS / 2) continue
      this.#resting.delete(key)
      this.#fetcher.resume(topic, partition)
    }
  }

  /** How much the task has not got yet of what it may read; undefined before the first answer. */
  lagOf(topic: string, { partition }: HostedTask): number | undefined {
    const progress = this.#fetcher.progress(topic, partition)
    if (progress === undefined || progress.lastStableOffset < 0 || progress.position < 0) return undefined
    return Math.max(0, progress.lastStableOffset - progress.position)
  }

  /** Ends a waiting `take` early. */
  wakeUp(): void {
    this.#fetcher.wakeUp()
  }

  async end(): Promise<void> {
    await this.#fetcher.close()
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${partition}/${topic}`
}
