import { EvertError } from '../errors.ts'
import type { RecordBatch } from '../records/record-batch.ts'
import { errorCodes, isRetryable } from '../wire/error-codes.ts'
import type { RequestInputOf, ResponseOf } from '../wire/message.ts'
import { fetch } from '../wire/messages/fetch.ts'
import { listOffsets } from './admin.ts'
import type { Cluster } from './cluster.ts'
import { selectBatches } from './committed-batches.ts'
import { holdProcess } from './hold-process.ts'
import { KafkaError } from './kafka-error.ts'
import type { NodeConnections } from './node-connections.ts'
import { backoffMs, isChannelError } from './retry.ts'
import { byTopic, type TopicPartition } from './topic-partitions.ts'

export interface FetcherOptions {
  /** Default `read_committed`. */
  readonly isolation?: 'read_committed' | 'read_uncommitted'
  /** How long the broker may hold a fetch when there is nothing. Default 500. */
  readonly maxWaitMs?: number
  /** Default 1. */
  readonly minBytes?: number
  /** Of one answer. Default 16 MiB. */
  readonly maxBytes?: number
  /** Of one partition in one answer; a larger batch still comes whole. Default 1 MiB. */
  readonly partitionMaxBytes?: number
  /** Fetching stops while more than this waits for poll(). Default 64 MiB. */
  readonly maxBufferedBytes?: number
  /** What to do when a position is outside of the log. Default `fail`: poll() rejects. */
  readonly offsetReset?: 'earliest' | 'latest' | 'fail'
  /** Whether the checksum of every batch is compared. Default true. */
  readonly verifiesChecksums?: boolean
}

export interface PartitionPosition {
  readonly topic: string
  readonly partition: number
  /** The next offset to read, or where to begin. */
  readonly offset: number | 'earliest' | 'latest'
}

export interface FetchedPartition {
  readonly topic: string
  readonly partition: number
  /** Records below this offset were not asked for: the first batch may begin earlier; skip them. */
  readonly firstOffset: number
  /** Data batches in order of offset; aborted and control batches are left out. Views of the fetched bytes. May be empty. */
  readonly batches: readonly RecordBatch[]
  /** The position after this answer, also beyond what was left out. */
  readonly nextOffset: number
  readonly highWatermark: number
  readonly lastStableOffset: number
}

export interface PartitionProgress {
  /** Position of the caller: nextOffset of the last poll, or -1 while `earliest` or `latest` is looked up. */
  readonly position: number
  /** -1 until the first answer. */
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
}

/**
 * Reads assigned partitions from their leaders, ahead of the caller up to a limit.
 *
 * Contract: poll() gives each partition's batches in order, each offset once, never one of a partition that was
 * unassigned, paused or moved by seek() before. Rejects with a KafkaError (`topic`, `partition` set) for what the
 * caller must decide (OFFSET_OUT_OF_RANGE with `fail`, authorization): that partition then rests until seek().
 */
export class Fetcher implements AsyncDisposable {
  readonly #cluster: Cluster
  readonly #settings: Required<FetcherOptions>
  readonly #partitions = new Map<string, Assigned>()
  /**
   * Each lane has one connection per node and so one long poll. The second lane serves partitions that came (back)
   * while the first one waits for the others.
   */
  readonly #lanes: readonly Lane[]
  #bufferedBytes = 0
  #isPumpScheduled = false
  #wake: (() => void) | undefined
  #failure: Error | undefined
  #isClosed = false

  constructor(cluster: Cluster, options: FetcherOptions = {}) {
    this.#cluster = cluster
    this.#settings = {
      isolation: 'read_committed',
      maxWaitMs: 500,
      minBytes: 1,
      maxBytes: 16 * 1024 * 1024,
      partitionMaxBytes: 1024 * 1024,
      maxBufferedBytes: 64 * 1024 * 1024,
      offsetReset: 'fail',
      verifiesChecksums: true,
      ...options,
    }
    this.#lanes = [0, 1].map(() => ({ connections: cluster.openConnections(), busy: new Set<number>() }))
  }

  /** Adds partitions; one that is assigned already is moved. */
  assign(positions: Iterable<PartitionPosition>): void {
    for (const { topic, partition, offset } of positions) {
      this.unassign([{ topic, partition }])
      const assigned: Assigned = {
        topic,
        partition,
        generation: 0,
        position: -1,
        fetchOffset: -1,
        lookUp: undefined,
        isLookingUp: false,
        isPaused: false,
        isInFlight: false,
        isResting: false,
        failures: 0,
        error: undefined,
        buffered: [],
        bufferedBytes: 0,
        highWatermark: -1,
        lastStableOffset: -1,
        logStartOffset: -1,
      }
      this.#partitions.set(keyOf(topic, partition), assigned)
      this.#move(assigned, offset)
    }
  }

  unassign(partitions: Iterable<TopicPartition>): void {
    for (const { topic, partition } of partitions) {
      const assigned = this.#partitions.get(keyOf(topic, partition))
      if (assigned === undefined) continue
      this.#discard(assigned)
      this.#partitions.delete(keyOf(topic, partition))
    }
  }

  /** Throws INVALID_ARGUMENT for a partition that is not assigned; so do pause and resume. */
  seek(topic: string, partition: number, offset: number | 'earliest' | 'latest'): void {
    const assigned = this.#require(topic, partition)
    this.#discard(assigned)
    this.#move(assigned, offset)
  }

  /** A paused partition keeps what is buffered and is not fetched beyond that. */
  pause(topic: string, partition: number): void {
    this.#require(topic, partition).isPaused = true
  }

  resume(topic: string, partition: number): void {
    const assigned = this.#require(topic, partition)
    if (!assigned.isPaused) return
    assigned.isPaused = false
    if (assigned.buffered.length > 0) this.wakeUp()
    this.#schedulePump()
  }

  progress(topic: string, partition: number): PartitionProgress | undefined {
    return this.#partitions.get(keyOf(topic, partition))
  }

  /**
   * What is buffered, at once; otherwise waits up to `maxWaitMs` (default 100) for the first answer and may resolve
   * to nothing. A partition appears at most once in one result.
   */
  async poll({ maxWaitMs = 100 }: { readonly maxWaitMs?: number } = {}): Promise<FetchedPartition[]> {
    if (this.#isClosed) throw new EvertError('CLOSED', 'The fetcher was closed.')
    let fetched = this.#take()
    if (fetched.length === 0 && maxWaitMs > 0) {
      await this.#wait(maxWaitMs)
      fetched = this.#take()
    }
    if (fetched.length > 0) this.#schedulePump()
    return fetched
  }

  /** Ends a waiting poll() early, with nothing. */
  wakeUp(): void {
    this.#wake?.()
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#partitions.clear()
    this.wakeUp()
    await Promise.all(this.#lanes.map(({ connections }) => connections.close()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #require(topic: string, partition: number): Assigned {
    const assigned = this.#partitions.get(keyOf(topic, partition))
    if (assigned === undefined) {
      throw new EvertError(
        'INVALID_ARGUMENT',
        `Partition ${topic}-${partition} is not assigned to this fetcher.`,
      )
    }
    return assigned
  }

  #move(assigned: Assigned, offset: number | 'earliest' | 'latest'): void {
    const isKnown = typeof offset === 'number'
    assigned.lookUp = isKnown ? undefined : offset
    assigned.position = isKnown ? offset : -1
    assigned.fetchOffset = assigned.position
    assigned.isResting = false
    assigned.error = undefined
    this.#schedulePump()
  }

  /** Forgets what is buffered; what is in flight will not be recognised. */
  #discard(assigned: Assigned): void {
    this.#bufferedBytes -= assigned.bufferedBytes
    assigned.bufferedBytes = 0
    assigned.buffered = []
    assigned.generation++
    assigned.isInFlight = false
    assigned.isLookingUp = false
  }

  #take(): FetchedPartition[] {
    if (this.#failure !== undefined) {
      const failure = this.#failure
      this.#failure = undefined
      throw failure
    }
    const fetched: FetchedPartition[] = []
    for (const assigned of this.#partitions.values()) {
      if (assigned.isPaused || assigned.buffered.length === 0) continue
      const all = merge(assigned.buffered)
      this.#bufferedBytes -= assigned.bufferedBytes
      assigned.bufferedBytes = 0
      assigned.buffered = []
      assigned.position = all.nextOffset
      fetched.push(all)
    }
    if (fetched.length > 0) return fetched
    for (const assigned of this.#partitions.values()) {
      if (assigned.error === undefined || assigned.error.isReported) continue
      assigned.error.isReported = true
      throw assigned.error.error
    }
    return fetched
  }

  #wait(maxWaitMs: number): Promise<void> {
    return new Promise(resolve => {
      const release = holdProcess()
      const done = (): void => {
        this.#wake = undefined
        release()
        cancel()
        resolve()
      }
      const cancel = this.#cluster.clock.schedule(maxWaitMs, done)
      this.#wake = done
    })
  }

  /** Once per turn, so that many assignments or answers make one request. */
  #schedulePump(): void {
    if (this.#isPumpScheduled || this.#isClosed) return
    this.#isPumpScheduled = true
    queueMicrotask(() => {
      this.#isPumpScheduled = false
      if (!this.#isClosed) this.#pump()
    })
  }

  #pump(): void {
    const { metadata } = this.#cluster
    const isFull = this.#bufferedBytes >= this.#settings.maxBufferedBytes
    const byLeader = new Map<number, Assigned[]>()
    const toLookUp: Assigned[] = []
    const leaderless: Assigned[] = []
    for (const assigned of this.#partitions.values()) {
      if (assigned.isInFlight || assigned.isLookingUp || assigned.error !== undefined) continue
      if (assigned.isResting) continue
      if (assigned.lookUp !== undefined) {
        toLookUp.push(assigned)
        continue
      }
      if (assigned.isPaused || isFull || assigned.bufferedBytes >= this.#settings.partitionMaxBytes) continue
      const leader = metadata.leaderOf(assigned.topic, assigned.partition)
      if (leader < 0) {
        leaderless.push(assigned)
        continue
      }
      const group = byLeader.get(leader)
      if (group === undefined) byLeader.set(leader, [assigned])
      else group.push(assigned)
    }
    if (toLookUp.length > 0) void this.#lookUp(toLookUp)
    if (leaderless.length > 0) void this.#refresh(leaderless)
    for (const [nodeId, group] of byLeader) {
      const lane = this.#lanes.find(({ busy }) => !busy.has(nodeId))
      if (lane !== undefined) void this.#fetch(lane, nodeId, group)
    }
  }

  async #fetch(lane: Lane, nodeId: number, group: readonly Assigned[]): Promise<void> {
    const asked: Asked[] = group.map(assigned => ({ assigned, generation: assigned.generation }))
    for (const assigned of group) assigned.isInFlight = true
    lane.busy.add(nodeId)
    try {
      const connection = await lane.connections.get(nodeId)
      const response = await connection.send(fetch, this.#request(group), {
        timeoutMs: this.#settings.maxWaitMs + this.#cluster.requestTimeoutMs,
      })
      for (const { assigned, generation } of asked) {
        if (assigned.generation === generation) assigned.isInFlight = false
      }
      this.#onResponse(asked, response)
    } catch (error) {
      for (const { assigned, generation } of asked) {
        if (assigned.generation === generation) assigned.isInFlight = false
      }
      if (isChannelError(error)) void this.#refresh(group)
      else if (!this.#isClosed) this.#fail(error as Error)
    } finally {
      lane.busy.delete(nodeId)
      this.#schedulePump()
    }
  }

  #request(group: readonly Assigned[]): RequestInputOf<typeof fetch> {
    const { maxWaitMs, minBytes, maxBytes, partitionMaxBytes, isolation } = this.#settings
    return {
      maxWaitMs,
      minBytes,
      maxBytes,
      isolationLevel: isolation === 'read_committed' ? 1 : 0,
      topics: byTopic(group).map(([topic, partitions]) => ({
        topic,
        topicId: this.#cluster.metadata.topic(topic)?.topicId,
        partitions: partitions.map(({ partition, fetchOffset }) => ({
          partition,
          fetchOffset,
          partitionMaxBytes,
        })),
      })),
    }
  }

  #onResponse(asked: readonly Asked[], response: FetchResponse): void {
    const { metadata } = this.#cluster
    const answers = new Map<string, FetchResponse['responses'][number]['partitions'][number]>()
    for (const { topic, topicId, partitions } of response.responses) {
      const name = topic === '' ? metadata.nameOf(topicId) : topic
      for (const answer of partitions) answers.set(keyOf(name ?? '', answer.partitionIndex), answer)
    }
    const stale: Assigned[] = []
    for (const { assigned, generation } of asked) {
      if (assigned.generation !== generation) continue
      const answer = answers.get(keyOf(assigned.topic, assigned.partition))
      const errorCode = answer?.errorCode ?? response.errorCode
      if (answer !== undefined && errorCode === errorCodes.NONE) {
        this.#onData(assigned, answer)
      } else if (errorCode === errorCodes.OFFSET_OUT_OF_RANGE && this.#settings.offsetReset !== 'fail') {
        assigned.lookUp = this.#settings.offsetReset
      } else if (answer === undefined || isRetryable(errorCode)) {
        // An answer without the partition names a topic id that is not (any more) the topic's.
        stale.push(assigned)
      } else {
        const { topic, partition, fetchOffset } = assigned
        const what = `Fetching ${topic}-${partition} from offset ${fetchOffset} was refused`
        this.#rest(assigned, new KafkaError(errorCode, what, { topic, partition }))
      }
    }
    if (stale.length > 0) void this.#refresh(stale)
  }

  #onData(assigned: Assigned, answer: FetchResponse['responses'][number]['partitions'][number]): void {
    const { topic, partition, fetchOffset } = assigned
    assigned.failures = 0
    assigned.highWatermark = answer.highWatermark
    assigned.lastStableOffset = answer.lastStableOffset
    assigned.logStartOffset = answer.logStartOffset
    if (answer.records === null || answer.records.length === 0) return
    const { isolation, verifiesChecksums } = this.#settings
    const aborted = isolation === 'read_committed' ? (answer.abortedTransactions ?? []) : undefined
    try {
      const { batches, nextOffset } = selectBatches(answer.records, fetchOffset, aborted, verifiesChecksums)
      if (nextOffset === fetchOffset) return
      assigned.fetchOffset = nextOffset
      assigned.buffered.push({
        topic,
        partition,
        firstOffset: fetchOffset,
        batches,
        nextOffset,
        highWatermark: answer.highWatermark,
        lastStableOffset: answer.lastStableOffset,
      })
      assigned.bufferedBytes += answer.records.length
      this.#bufferedBytes += answer.records.length
      if (!assigned.isPaused) this.wakeUp()
    } catch (error) {
      this.#rest(assigned, error as Error)
    }
  }

  /** The caller must decide: poll() rejects once, and the partition is left alone until seek(). */
  #rest(assigned: Assigned, error: Error): void {
    assigned.error = { error, isReported: false }
    this.wakeUp()
  }

  #fail(error: Error): void {
    this.#failure = error
    this.wakeUp()
  }

  /** Asks where the partitions are now, and lets them rest for a growing while. */
  async #refresh(partitions: readonly Assigned[]): Promise<void> {
    const { metadata } = this.#cluster
    for (const assigned of partitions) this.#backOff(assigned)
    try {
      await metadata.refresh([...new Set(partitions.map(({ topic }) => topic))])
    } catch (error) {
      if (!isChannelError(error) && !this.#isClosed) this.#fail(error as Error)
    }
  }

  #backOff(assigned: Assigned): void {
    const { clock, backoff } = this.#cluster
    assigned.isResting = true
    clock.schedule(backoffMs(backoff, assigned.failures++), () => {
      assigned.isResting = false
      this.#schedulePump()
    })
  }

  async #lookUp(partitions: readonly Assigned[]): Promise<void> {
    const { isolation } = this.#settings
    const asked = partitions.map(assigned => ({ assigned, generation: assigned.generation }))
    for (const assigned of partitions) assigned.isLookingUp = true
    try {
      const wanted = partitions.map(({ topic, partition, lookUp }) => ({
        topic,
        partition,
        at: lookUp as 'earliest' | 'latest',
      }))
      const offsets = await listOffsets(this.#cluster, wanted, { isolation })
      for (const [index, { assigned, generation }] of asked.entries()) {
        if (assigned.generation !== generation) continue
        assigned.lookUp = undefined
        assigned.fetchOffset = offsets[index]?.offset ?? 0
        assigned.position = assigned.fetchOffset
      }
    } catch (error) {
      const isPassing = error instanceof EvertError && error.retryable
      if (isPassing) for (const assigned of partitions) this.#backOff(assigned)
      else if (!this.#isClosed) this.#fail(error as Error)
    } finally {
      for (const { assigned, generation } of asked) {
        if (assigned.generation === generation) assigned.isLookingUp = false
      }
      this.#schedulePump()
    }
  }
}

type FetchResponse = ResponseOf<typeof fetch>

interface Lane {
  readonly connections: NodeConnections
  /** Nodes with a fetch in flight. */
  readonly busy: Set<number>
}

interface Asked {
  readonly assigned: Assigned
  readonly generation: number
}

interface Assigned {
  readonly topic: string
  readonly partition: number
  /** Raised when what is in flight no longer counts. */
  generation: number
  position: number
  /** Where the next fetch begins: behind what is buffered. */
  fetchOffset: number
  lookUp: 'earliest' | 'latest' | undefined
  isLookingUp: boolean
  isPaused: boolean
  isInFlight: boolean
  /** After a failure, until a timer ends it. */
  isResting: boolean
  failures: number
  error: { readonly error: Error; isReported: boolean } | undefined
  buffered: FetchedPartition[]
  bufferedBytes: number
  highWatermark: number
  lastStableOffset: number
  logStartOffset: number
}

function keyOf(topic: string, partition: number): string {
  return `${partition}/${topic}`
}

function merge(buffered: readonly FetchedPartition[]): FetchedPartition {
  const first = buffered[0] as FetchedPartition
  if (buffered.length === 1) return first
  const last = buffered.at(-1) as FetchedPartition
  return { ...last, firstOffset: first.firstOffset, batches: buffered.flatMap(({ batches }) => batches) }
}
