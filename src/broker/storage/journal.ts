import { EvertError } from '../../errors.ts'
import { type Deferred, deferred } from '../../internal/deferred.ts'
import { crc32c } from '../../records/crc32c.ts'
import { fileKinds, FORMAT_VERSION, refuseNewer } from './checked-file.ts'
import { type Disk, type DiskFile, diskFault } from './disk.ts'
import type { Journal, JsonValue } from './log-storage.ts'
import { damaged } from './segment.ts'

/*
 * The journal file, big endian: a header and then frames.
 *
 *   header   format version (2), kind (2), generation (4): counts the rewrites
 *   frame    payload length (4), CRC-32C of length and payload (4), payload
 *   payload  JSON: [[key, value] or [key] for a removal, …], the entries of one put
 */
const PATH = 'journal'
const NEXT_PATH = 'journal.tmp'
const HEADER_BYTES = 8
const FRAME_BYTES = 8
const SMALLEST_COMPACTION_BYTES = 1024 * 1024
/** Rewritten when less than a quarter of the file may still be alive. */
const GROWTH_BEFORE_COMPACTION = 4

export interface JournalPoint {
  readonly generation: number
  /** All bytes below are synced. */
  readonly position: number
}

type Entries = readonly (readonly [key: string, value: JsonValue | undefined])[]

/** The journal in a file; see Journal for the contract and partition-log.ts for the reasoning about group commits. */
export class StoredJournal implements Journal {
  readonly #disk: Disk
  readonly #values: Map<string, JsonValue>
  #file: DiskFile
  #generation: number
  #position: number
  #compactAt: number
  #queue: Buffer[] = []
  #waiters: Deferred<void>[] = []
  #committing: Promise<void> | undefined
  #failure: EvertError | undefined

  private constructor(disk: Disk, found: Found) {
    this.#disk = disk
    this.#file = found.file
    this.#values = found.values
    this.#generation = found.generation
    this.#position = found.position
    const isLarge = found.position > SMALLEST_COMPACTION_BYTES
    this.#compactAt = compactionAfter(isLarge ? frameOf([...found.values]).length : 0)
  }

  /** Reads the journal back, cuts a torn tail, and refuses what is damaged below `synced`. */
  static async open(
    disk: Disk,
    { synced, isNew }: { synced?: JournalPoint; isNew: boolean },
  ): Promise<StoredJournal> {
    await disk.remove(NEXT_PATH)
    const file = await disk.open(PATH)
    if (isNew && file.sizeBytes > HEADER_BYTES)
      throw new EvertError(
        'DAMAGED_DATA',
        'The data directory has a journal but no meta.json, which is written when the directory is first opened. Restore meta.json from a backup.',
      )
    return new StoredJournal(disk, isNew ? await begun(disk, file) : await readBack(file, synced))
  }

  /** How far the file is synced. */
  get point(): JournalPoint {
    return { generation: this.#generation, position: this.#position }
  }

  get failure(): EvertError | undefined {
    return this.#failure
  }

  put(entries: Entries): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const frame = frameOf(entries)
    apply(this.#values, entries)
    this.#queue.push(frame)
    this.#committing ??= Promise.resolve().then(() => this.#commitAll())
    if (this.#disk.volatile) return Promise.resolve()
    const waiting = deferred<void>()
    this.#waiters.push(waiting)
    return waiting.promise
  }

  *entries(prefix: string): Iterable<readonly [string, JsonValue]> {
    for (const entry of this.#values) if (entry[0].startsWith(prefix)) yield entry
  }

  async close(): Promise<void> {
    await this.#committing
    this.#failure ??= new EvertError('CLOSED', 'The journal is closed.')
    await this.#file.close()
  }

  async #commitAll(): Promise<void> {
    try {
      while (this.#queue.length > 0) await this.#commit()
    } catch (cause) {
      this.#fail(cause)
    } finally {
      this.#committing = undefined
    }
  }

  async #commit(): Promise<void> {
    const waiters = this.#waiters
    this.#waiters = []
    const frames = this.#queue
    this.#queue = []
    try {
      if (this.#position > this.#compactAt) await this.#rewrite()
      else {
        await this.#file.write(frames, this.#position)
        await this.#file.sync()
        this.#position += frames.reduce((sum, frame) => sum + frame.length, 0)
      }
    } catch (cause) {
      this.#waiters = [...waiters, ...this.#waiters]
      throw cause
    }
    for (const waiter of waiters) waiter.resolve()
  }

  /**
   * Writes all values to a new file that takes the old one's place. The values already hold the frames of this commit
   * (and of later puts, whose frames will say the same again).
   */
  async #rewrite(): Promise<void> {
    await this.#disk.remove(NEXT_PATH)
    const file = await this.#disk.open(NEXT_PATH)
    const frames = [headerOf(this.#generation + 1), frameOf([...this.#values])]
    await file.write(frames, 0)
    await file.sync()
    await this.#disk.rename(NEXT_PATH, PATH)
    await this.#disk.syncDirectory('')
    const old = this.#file
    this.#file = file
    this.#generation += 1
    this.#position = frames[0]!.length + frames[1]!.length
    this.#compactAt = compactionAfter(this.#position)
    await old.close()
  }

  #fail(cause: unknown): void {
    this.#failure = diskFault('The journal could not be written and takes no more entries', cause)
    this.#queue = []
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#failure)
  }
}

function compactionAfter(aliveBytes: number): number {
  return Math.max(SMALLEST_COMPACTION_BYTES, GROWTH_BEFORE_COMPACTION * aliveBytes)
}

interface Found {
  readonly file: DiskFile
  readonly values: Map<string, JsonValue>
  readonly generation: number
  readonly position: number
}

async function begun(disk: Disk, file: DiskFile): Promise<Found> {
  await file.truncate(0)
  await file.write([headerOf(1)], 0)
  await file.sync()
  await disk.syncDirectory('')
  return { file, values: new Map(), generation: 1, position: HEADER_BYTES }
}

async function readBack(file: DiskFile, synced: JournalPoint | undefined): Promise<Found> {
  const bytes = await file.read(0, file.sizeBytes)
  if (bytes.length < HEADER_BYTES)
    throw damaged(PATH, 0, `it has ${bytes.length} bytes, too few for its header`)
  refuseNewer(PATH, bytes.readUInt16BE(0))
  if (bytes.readUInt16BE(0) === 0 || bytes.readUInt16BE(2) !== fileKinds.journal)
    throw damaged(PATH, 0, 'this is not the header of a journal')
  const generation = bytes.readUInt32BE(4)
  const values = new Map<string, JsonValue>()
  let at = HEADER_BYTES
  for (;;) {
    const payload = payloadAt(bytes, at)
    if (payload === undefined) break
    // The payload has passed its checksum: it is what frameOf wrote.
    apply(values, JSON.parse(payload.toString()) as Entries)
    at += FRAME_BYTES + payload.length
  }
  if (synced !== undefined && synced.generation === generation && at < synced.position)
    throw damaged(PATH, at, 'no whole frame begins here')
  if (at < bytes.length) await file.truncate(at)
  // What a killed process wrote but did not sync counts from now on, so it must last from now on.
  await file.sync()
  return { file, values, generation, position: at }
}

function apply(values: Map<string, JsonValue>, entries: Entries): void {
  for (const [key, value] of entries)
    if (value === undefined) values.delete(key)
    else values.set(key, value)
}

function headerOf(generation: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt16BE(FORMAT_VERSION, 0)
  header.writeUInt16BE(fileKinds.journal, 2)
  header.writeUInt32BE(generation, 4)
  return header
}

function frameOf(entries: Entries): Buffer {
  const payload = JSON.stringify(entries.map(([key, value]) => (value === undefined ? [key] : [key, value])))
  const length = Buffer.byteLength(payload)
  const frame = Buffer.allocUnsafe(FRAME_BYTES + length)
  frame.writeUInt32BE(length, 0)
  frame.write(payload, FRAME_BYTES)
  frame.writeUInt32BE(checksumOf(frame, 0, length), 4)
  return frame
}

function payloadAt(bytes: Buffer, at: number): Buffer | undefined {
  if (bytes.length - at < FRAME_BYTES) return undefined
  const length = bytes.readUInt32BE(at)
  if (length > bytes.length - at - FRAME_BYTES) return undefined
  if (bytes.readUInt32BE(at + 4) !== checksumOf(bytes, at, length)) return undefined
  return bytes.subarray(at + FRAME_BYTES, at + FRAME_BYTES + length)
}

/** Of the length too: a frame of zeroes must not pass for an empty one. */
function checksumOf(bytes: Buffer, at: number, length: number): number {
  return (
    (crc32c(bytes, at + FRAME_BYTES, at + FRAME_BYTES + length) ^ Math.imul(length + 1, 0x9e3779b1)) >>> 0
  )
}
