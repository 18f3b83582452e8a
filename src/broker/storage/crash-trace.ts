import assert from 'node:assert/strict'
import { ManualClock } from '../../internal/clock.ts'
import { RecordBatch } from '../../records/record-batch.ts'
import { RecordBatchBuilder } from '../../records/record-batch-builder.ts'
import type { AppendResult, JsonValue, LogStorage, PartitionLog } from './log-storage.ts'
import { seededRandom } from '../../internal/random.ts'
import type { SimulatedDisk } from './simulated-disk.ts'
import { openStorage } from './storage.ts'

const TOPIC = 'main'
const PARTITIONS = 2
const CONFIGS = { 'segment.bytes': '2000' }
const IDEMPOTENT = [100, 101]
const TRANSACTIONAL = [200, 201, 202]

/** One batch that was given to the log. */
interface Sent {
  readonly baseOffset: number
  readonly timestamps: readonly number[]
  /** What makes it this batch and no other: the first record's value, or the kind of marker. */
  readonly mark: string
  readonly producerId: number
  readonly epoch: number
  readonly baseSequence: number
  readonly transactional: boolean
  readonly bytes: Buffer | undefined
}

interface Producer {
  epoch: number
  nextSequence: number
  openAt: number | undefined
  last: Sent | undefined
}

/** What a partition must hold: of all that was sent, in order, at least what was acknowledged. */
class PartitionModel {
  sent: Sent[] = []
  acknowledgedEnd = 0
  startAcknowledged = 0
  startAsked = 0

  get end(): number {
    const last = this.sent.at(-1)
    return last === undefined ? 0 : last.baseOffset + last.timestamps.length
  }

  /** The producers and aborted transactions that follow from the batches alone. */
  state(): { producers: Map<number, Producer>; aborted: { producerId: number; firstOffset: number }[] } {
    const producers = new Map<number, Producer>()
    const aborted: { producerId: number; firstOffset: number }[] = []
    for (const sent of this.sent) {
      if (sent.producerId < 0) continue
      const known = producers.get(sent.producerId)
      const producer = known ?? { epoch: 0, nextSequence: 0, openAt: undefined, last: undefined }
      producers.set(sent.producerId, producer)
      if (sent.epoch !== producer.epoch)
        Object.assign(producer, { epoch: sent.epoch, nextSequence: 0, last: undefined })
      if (sent.bytes === undefined) {
        if (sent.mark === 'abort')
          aborted.push({ producerId: sent.producerId, firstOffset: producer.openAt! })
        producer.openAt = undefined
        continue
      }
      producer.nextSequence = sent.baseSequence + sent.timestamps.length
      producer.last = sent
      if (sent.transactional) producer.openAt ??= sent.baseOffset
    }
    return { producers, aborted }
  }
}

/**
 * A random but repeatable life of a storage, with a model of what must be found after each crash. One trace lives
 * through several disks: each `live` opens the storage on what the last one left, checks all of it, and goes on.
 */
export class CrashTrace {
  readonly #random: () => number
  readonly #clock = new ManualClock(1_000_000)
  readonly #partitions = Array.from({ length: PARTITIONS }, () => new PartitionModel())
  #hasTopic = false
  #extra: 'absent' | 'present' | 'unsure' = 'absent'
  #puts: (readonly [string, JsonValue | undefined])[][] = []
  #acknowledgedPuts = 0
  #marks = 0
  #ids = 0

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  /** Acknowledged appends so far. */
  get acknowledged(): number {
    return this.#partitions.reduce((sum, partition) => sum + partition.acknowledgedEnd, 0)
  }

  async live(disk: SimulatedDisk, steps: number): Promise<void> {
    let storage = await this.#open(disk)
    for (let step = 0; step < steps && storage !== undefined && !disk.isCrashed; step++) {
      if (this.#random() < 0.02) storage = await this.#reopened(storage, disk)
      else await this.#act(storage, disk)
      await this.#pause()
    }
    if (storage !== undefined) await until(disk, storage.close())
  }

  /** Opens and compares everything with the model; undefined when the disk failed meanwhile. */
  async #open(disk: SimulatedDisk): Promise<LogStorage | undefined> {
    const newId = () => Buffer.from(`id ${this.#ids++}`.padEnd(16, '.')).toString('base64url')
    const opening = openStorage(disk, { clock: this.#clock, newId, tailCacheBytes: 20_000 })
    const storage = await until(disk, opening)
    if (storage === undefined) return undefined
    this.#checkJournal(storage)
    this.#checkExtra(storage)
    if (storage.topic(TOPIC) === undefined) {
      assert.equal(this.#hasTopic, false, 'an acknowledged topic is there')
      if ((await until(disk, storage.createTopic(TOPIC, PARTITIONS, CONFIGS))) === undefined) return undefined
    }
    this.#hasTopic = true
    for (const [at, model] of this.#partitions.entries()) {
      const log = storage.topic(TOPIC)!.partitions[at]!
      if ((await until(disk, this.#checkPartition(log, model))) === undefined) return undefined
    }
    return storage
  }

  async #reopened(storage: LogStorage, disk: SimulatedDisk): Promise<LogStorage | undefined> {
    const ends = storage.topic(TOPIC)!.partitions.map(log => log.logEndOffset)
    await until(disk, storage.close())
    if (disk.isCrashed) return undefined
    for (const [at, model] of this.#partitions.entries()) model.acknowledgedEnd = ends[at]!
    return await this.#open(disk)
  }

  async #act(storage: LogStorage, disk: SimulatedDisk): Promise<void> {
    const at = this.#below(PARTITIONS)
    const log = storage.topic(TOPIC)!.partitions[at]!
    const model = this.#partitions[at]!
    const dice = this.#random()
    if (dice < 0.35) this.#send(log, model, -1)
    else if (dice < 0.5) this.#send(log, model, this.#oneOf(IDEMPOTENT))
    else if (dice < 0.7) this.#send(log, model, this.#oneOf(TRANSACTIONAL))
    else if (dice < 0.8) this.#end(log, model, this.#oneOf(TRANSACTIONAL))
    else if (dice < 0.84) this.#repeat(log, model)
    else if (dice < 0.92) this.#put(storage)
    else if (dice < 0.95) this.#deleteBefore(log, model)
    else if (dice < 0.98) this.#clock.advance(1000)
    else await this.#toggleExtra(storage, disk)
  }

  #send(log: PartitionLog, model: PartitionModel, producerId: number): void {
    const transactional = TRANSACTIONAL.includes(producerId)
    const producer = model.state().producers.get(producerId)
    const epoch = producerId < 0 ? -1 : (producer?.epoch ?? 0)
    const baseSequence = producerId < 0 ? -1 : (producer?.nextSequence ?? 0)
    const mark = `batch-${this.#marks++}`
    const timestamps = Array.from({ length: 1 + this.#below(3) }, () => this.#below(1000))
    const builder = new RecordBatchBuilder({})
    for (const [at, timestamp] of timestamps.entries())
      builder.append(timestamp, null, Buffer.from(at === 0 ? mark : 'x'.repeat(this.#below(300))), [])
    const bytes = Buffer.from(
      builder.build({ producerId, producerEpoch: epoch, baseSequence, transactional }),
    )
    const baseOffset = log.logEndOffset
    model.sent.push({ baseOffset, timestamps, mark, producerId, epoch, baseSequence, transactional, bytes })
    this.#acknowledge(log.append(Buffer.from(bytes)), model, baseOffset)
  }

  #end(log: PartitionLog, model: PartitionModel, producerId: number): void {
    const producer = model.state().producers.get(producerId)
    if (producer?.openAt === undefined) return
    const type = this.#random() < 0.5 ? 'commit' : 'abort'
    const baseOffset = log.logEndOffset
    const epoch = producer.epoch + 1
    const timestampMs = this.#below(1000)
    model.sent.push({
      baseOffset,
      timestamps: [timestampMs],
      mark: type,
      producerId,
      epoch,
      baseSequence: -1,
      transactional: true,
      bytes: undefined,
    })
    this.#acknowledge(
      log.appendMarker({ producerId, producerEpoch: epoch, type, timestampMs }),
      model,
      baseOffset,
    )
  }

  /** Sends the last batch of an idempotent producer again, as a client does that has missed the answer. */
  #repeat(log: PartitionLog, model: PartitionModel): void {
    const last = model.state().producers.get(this.#oneOf([...IDEMPOTENT, ...TRANSACTIONAL]))?.last
    if (last?.bytes === undefined) return
    this.#acknowledge(log.append(Buffer.from(last.bytes)), model, last.baseOffset)
  }

  #acknowledge(answer: Promise<AppendResult>, model: PartitionModel, baseOffset: number): void {
    const sent = model.sent.find(sent => sent.baseOffset === baseOffset)!
    void answer.then(result => {
      assert.deepEqual([result.code, result.baseOffset], [0, baseOffset], result.message)
      const end = baseOffset + sent.timestamps.length
      model.acknowledgedEnd = Math.max(model.acknowledgedEnd, end)
    })
  }

  #put(storage: LogStorage): void {
    const number = this.#puts.length + 1
    const value = this.#random() < 0.3 ? undefined : { text: 'y'.repeat(this.#below(400)), number }
    const entries = [
      ['test/count', number],
      [`test/${this.#below(5)}`, value],
    ] as const
    this.#puts.push([...entries])
    void storage.journal.put(entries).then(() => {
      this.#acknowledgedPuts = Math.max(this.#acknowledgedPuts, number)
    })
  }

  #deleteBefore(log: PartitionLog, model: PartitionModel): void {
    const offset = this.#below(log.highWatermark + 1)
    model.startAsked = Math.max(model.startAsked, offset)
    void log.deleteBefore(offset).then(start => {
      assert.ok(start >= offset)
      model.startAcknowledged = Math.max(model.startAcknowledged, start)
    })
  }

  async #toggleExtra(storage: LogStorage, disk: SimulatedDisk): Promise<void> {
    const isThere = storage.topic('extra') !== undefined
    this.#extra = 'unsure'
    if (isThere) {
      if (
        (await until(
          disk,
          storage.deleteTopic('extra').then(() => true),
        )) === true
      )
        this.#extra = 'absent'
      return
    }
    const topic = await until(disk, storage.createTopic('extra', 1, {}))
    if (topic === undefined) return
    this.#extra = 'present'
    const builder = new RecordBatchBuilder({})
    builder.append(0, null, Buffer.from('extra'), [])
    void topic.partitions[0]!.append(builder.build({}))
  }

  #checkJournal(storage: LogStorage): void {
    const found = new Map(storage.journal.entries('test/'))
    const count = Number(found.get('test/count') ?? 0)
    assert.ok(count >= this.#acknowledgedPuts, 'acknowledged puts are there')
    this.#puts = this.#puts.slice(0, count)
    this.#acknowledgedPuts = count
    const expected = new Map<string, JsonValue>()
    for (const [key, value] of this.#puts.flat())
      if (value === undefined) expected.delete(key)
      else expected.set(key, value)
    assert.deepEqual(Object.fromEntries(found), Object.fromEntries(expected))
  }

  #checkExtra(storage: LogStorage): void {
    const found = storage.topic('extra') === undefined ? 'absent' : 'present'
    if (this.#extra !== 'unsure') assert.equal(found, this.#extra)
    this.#extra = found
  }

  async #checkPartition(log: PartitionLog, model: PartitionModel): Promise<true> {
    const { logStartOffset: start, highWatermark: end } = log
    assert.equal(log.logEndOffset, end)
    assert.ok(end >= model.acknowledgedEnd, `acknowledged to ${model.acknowledgedEnd}, found to ${end}`)
    assert.ok(
      start >= model.startAcknowledged && start <= Math.max(model.startAsked, model.startAcknowledged),
    )
    model.sent = model.sent.filter(sent => sent.baseOffset < end)
    assert.equal(model.end, end, 'the log ends with a batch that was sent')
    model.acknowledgedEnd = end
    model.startAcknowledged = start
    model.startAsked = start
    const kept = model.sent.filter(sent => sent.baseOffset + sent.timestamps.length > start)
    assert.deepEqual(
      await this.#found(log),
      kept.map(({ baseOffset, mark, producerId }) => ({ baseOffset, mark, producerId })),
    )
    this.#checkProducers(log, model)
    await this.#checkTimestamps(log, kept)
    return true
  }

  async #found(log: PartitionLog): Promise<{ baseOffset: number; mark: string; producerId: number }[]> {
    const found: { baseOffset: number; mark: string; producerId: number }[] = []
    for (let offset = log.logStartOffset; offset < log.highWatermark; ) {
      const bytes = await log.read(offset, this.#below(3000), log.highWatermark)
      assert.ok(bytes.length > 0, `something is read at ${offset}`)
      for (let at = 0; at < bytes.length; ) {
        const batch = RecordBatch.at(bytes, at)
        batch.verify()
        const records = batch.records()
        const mark = batch.isControl
          ? ['abort', 'commit'][records.key(0)!.readInt16BE(2)]!
          : records.value(0)!.toString()
        found.push({ baseOffset: batch.baseOffset, mark, producerId: batch.producerId })
        offset = batch.nextOffset
        at += batch.sizeBytes
      }
    }
    return found
  }

  #checkProducers(log: PartitionLog, model: PartitionModel): void {
    const { producers, aborted } = model.state()
    const open = [...producers.values()].map(producer => producer.openAt ?? Infinity)
    const stable = Math.max(log.logStartOffset, Math.min(log.highWatermark, ...open))
    assert.equal(log.lastStableOffset, stable)
    for (const [id, { openAt, epoch }] of producers)
      assert.deepEqual(
        log.openTransaction(id),
        openAt === undefined ? undefined : { epoch, firstOffset: openAt },
      )
    const found = log.abortedTransactions(log.logStartOffset, log.highWatermark)
    const gone = aborted.length - found.length
    assert.deepEqual(found, aborted.slice(gone), 'aborted transactions are known')
    const markers = model.sent.filter(sent => sent.mark === 'abort')
    for (const marker of markers.slice(0, gone)) assert.ok(marker.baseOffset < log.logStartOffset)
  }

  async #checkTimestamps(log: PartitionLog, kept: readonly Sent[]): Promise<void> {
    const records = kept
      .flatMap(sent =>
        sent.timestamps.map((timestampMs, at) => ({ offset: sent.baseOffset + at, timestampMs })),
      )
      .filter(record => record.offset >= log.logStartOffset)
    const greatest = Math.max(...records.map(record => record.timestampMs))
    const first = (least: number) => records.find(record => record.timestampMs >= least)
    assert.deepEqual(await log.maxTimestamp(), records.length === 0 ? undefined : first(greatest))
    const wanted = this.#below(1000)
    assert.deepEqual(await log.offsetForTimestamp(wanted, log.highWatermark), first(wanted))
  }

  async #pause(): Promise<void> {
    if (this.#random() < 0.5) return
    for (let turns = this.#below(60); turns > 0; turns--) await Promise.resolve()
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  #oneOf<T>(choices: readonly T[]): T {
    return choices[this.#below(choices.length)]!
  }
}

/** What the promise gives, or undefined when the disk fails first. */
async function until<T>(disk: SimulatedDisk, promise: Promise<T>): Promise<T | undefined> {
  return await Promise.race([promise, disk.crashed.then(() => undefined)])
}
