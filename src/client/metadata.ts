import { EvertError } from '../errors.ts'
import type { Clock } from '../internal/clock.ts'
import { errorCodes } from '../wire/error-codes.ts'
import { type ResponseOf, ZERO_UUID } from '../wire/message.ts'
import { metadata } from '../wire/messages/metadata.ts'
import type { BrokerAddress, Connection } from './connection.ts'
import { KafkaError } from './kafka-error.ts'

export interface TopicMetadata {
  readonly name: string
  readonly topicId: string
  readonly isInternal: boolean
  /** By partition number; -1: no leader right now. */
  readonly leaders: readonly number[]
}

type MetadataResponse = ResponseOf<typeof metadata>

/**
 * What the cluster said last about its nodes and the topics that were asked for. Reading is synchronous; `refresh`
 * asks again. Refreshes that are wanted while one is under way share the next one, which asks for all their topics.
 */
export class Metadata {
  readonly #connect: () => Promise<Connection>
  readonly #nodes = new Map<number, BrokerAddress>()
  readonly #topics = new Map<string, TopicMetadata>()
  readonly #topicNames = new Map<string, string>()
  readonly #cancelAging: () => void
  #wanted = new Set<string>()
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined

  /** `maxAgeMs`: topics in use are asked for again after this, to see partitions that were added. */
  constructor(connect: () => Promise<Connection>, clock: Clock, maxAgeMs: number) {
    this.#connect = connect
    let cancel = (): void => {}
    const age = (): void => {
      cancel = clock.schedule(maxAgeMs, () => {
        // A failure is no loss: whoever meets stale data asks again and sees the error.
        if (this.#topics.size > 0) this.refresh([...this.#topics.keys()]).catch(() => {})
        age()
      })
    }
    age()
    this.#cancelAging = () => cancel()
  }

  nodes(): ReadonlyMap<number, BrokerAddress> {
    return this.#nodes
  }

  topic(name: string): TopicMetadata | undefined {
    return this.#topics.get(name)
  }

  /** The name behind a topic id of an answer. */
  nameOf(topicId: string): string | undefined {
    return this.#topicNames.get(topicId)
  }

  /** The node that leads a partition, or -1 when that is not known (yet). */
  leaderOf(topic: string, partition: number): number {
    return this.#topics.get(topic)?.leaders[partition] ?? -1
  }

  /** A coordinator's address, as FindCoordinator named it. */
  addNode(nodeId: number, address: BrokerAddress): void {
    this.#nodes.set(nodeId, address)
  }

  /** Asks for these topics now. Topics that do not exist are forgotten; a failure of the connection is thrown. */
  refresh(topics: readonly string[]): Promise<void> {
    for (const topic of topics) this.#wanted.add(topic)
    if (this.#running === undefined) return this.#start()
    this.#next ??= this.#running.then(
      () => this.#start(),
      () => this.#start(),
    )
    return this.#next
  }

  /** The topic, asked for when it is not known. Throws KafkaError UNKNOWN_TOPIC_OR_PARTITION when there is none. */
  async require(name: string): Promise<TopicMetadata> {
    if (!this.#topics.has(name)) await this.refresh([name])
    const topic = this.#topics.get(name)
    if (topic !== undefined) return topic
    throw new KafkaError(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, `The topic "${name}" does not exist`, {
      topic: name,
    })
  }

  /** All topics of the cluster, without remembering them. */
  async all(): Promise<TopicMetadata[]> {
    return (await this.#ask(null)).topics
      .filter(topic => topic.errorCode === 0 && topic.name !== null)
      .map(describe)
  }

  close(): void {
    this.#cancelAging()
  }

  #start(): Promise<void> {
    this.#next = undefined
    const wanted = [...this.#wanted]
    this.#wanted = new Set()
    const run = this.#refresh(wanted).finally(() => {
      if (this.#running === run) this.#running = undefined
    })
    this.#running = run
    return run
  }

  async #refresh(wanted: readonly string[]): Promise<void> {
    const response = await this.#ask(wanted)
    for (const topic of response.topics) {
      if (topic.name === null) continue
      const before = this.#topics.get(topic.name)
      if (before !== undefined) this.#topicNames.delete(before.topicId)
      if (topic.errorCode === errorCodes.NONE || topic.errorCode === errorCodes.LEADER_NOT_AVAILABLE) {
        this.#topics.set(topic.name, describe(topic))
        if (topic.topicId !== ZERO_UUID) this.#topicNames.set(topic.topicId, topic.name)
      } else {
        this.#topics.delete(topic.name)
        if (topic.errorCode !== errorCodes.UNKNOWN_TOPIC_OR_PARTITION) {
          throw new KafkaError(topic.errorCode, `The topic "${topic.name}" cannot be used`, {
            topic: topic.name,
          })
        }
      }
    }
  }

  async #ask(topics: readonly string[] | null): Promise<MetadataResponse> {
    const connection = await this.#connect()
    const response = await connection.send(metadata, {
      topics: topics?.map(name => ({ name })) ?? null,
      allowAutoTopicCreation: false,
    })
    if (response.errorCode !== 0) throw new KafkaError(response.errorCode, 'The cluster refused Metadata')
    if (response.brokers.length === 0) {
      throw new EvertError('CONNECTION', 'The cluster names no broker yet.', { retryable: true })
    }
    this.#nodes.clear()
    for (const { nodeId, host, port } of response.brokers) this.#nodes.set(nodeId, { host, port })
    return response
  }
}

function describe(topic: MetadataResponse['topics'][number]): TopicMetadata {
  const leaders: number[] = []
  for (const { partitionIndex, leaderId } of topic.partitions) leaders[partitionIndex] = leaderId
  return {
    name: topic.name as string,
    topicId: topic.topicId,
    isInternal: topic.isInternal,
    leaders: Array.from(leaders, leader => leader ?? -1),
  }
}
