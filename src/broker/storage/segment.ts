import { MAX_TIMESTAMP, readInt64 } from '../../records/batch-layout.ts'
import { EvertError } from '../../errors.ts'
import { scanBatches } from './batch-walk.ts'
import { fileKinds, readChecked, writeChecked } from './checked-file.ts'
import type { Disk, DiskFile } from './disk.ts'
import { SparseIndex } from './sparse-index.ts'

const OFFSET_DIGITS = 20

/** File name of what belongs to an offset, as Kafka names it: 20 digits, so that names sort as offsets do. */
export function fileNameOf(offset: number, extension: 'log' | 'index' | 'producers'): string {
  return `${String(offset).padStart(OFFSET_DIGITS, '0')}.${extension}`
}

/** The offset that a file name of the extension stands for. */
export function offsetOf(fileName: string, extension: 'log' | 'index' | 'producers'): number | undefined {
  const match = /^(\d{20})\.([a-z]+)$/.exec(fileName)
  return match?.[2] === extension ? Number(match[1]) : undefined
}

/** The error for bytes on disk that are not what was written and synced there. */
export function damaged(path: string, position: number, what: string): EvertError {
  return new EvertError(
    'DAMAGED_DATA',
    `${path} in the data directory is damaged at byte ${position}: ${what}. Nothing was changed. Restore the file from a backup; or, to give up what follows that byte, cut the file there and remove all later files of its directory.`,
  )
}

/** A stretch of a log in one file. All segments but the last are sealed: whole, synced, and never written again. */
export class Segment {
  readonly baseOffset: number
  readonly path: string
  readonly #disk: Disk
  readonly #directory: string
  endOffset: number
  /** With what is still only in memory. */
  sizeBytes: number
  /** What is in the file. */
  writtenBytes: number
  /** How far the file reaches: behind what is written there may be zeroes, for appends to come. */
  allocatedBytes: number
  /** Position in the file + this = position in the tail pages; for bytes that were there before, NaN. */
  tailShift = Number.NaN
  /** State of the producers at the base offset, to be written before the segment is. */
  snapshot: Buffer | undefined
  /** Its name, and the producers' snapshot that goes with it, are durable. */
  begun: boolean
  /** Sealed, synced, with its index beside it: nothing is left to be done. */
  finished = false
  #index: SparseIndex | undefined
  #indexLoading: Promise<SparseIndex> | undefined
  #file: Promise<DiskFile> | undefined
  readonly #reads = new Set<Promise<Buffer>>()
  #closed = false

  constructor(
    disk: Disk,
    directory: string,
    at: { baseOffset: number; endOffset: number; sizeBytes: number; begun?: boolean; index?: SparseIndex },
  ) {
    this.#disk = disk
    this.#directory = directory
    this.baseOffset = at.baseOffset
    this.endOffset = at.endOffset
    this.sizeBytes = at.sizeBytes
    this.writtenBytes = at.sizeBytes
    this.allocatedBytes = at.sizeBytes
    this.path = `${directory}/${fileNameOf(at.baseOffset, 'log')}`
    this.begun = at.begun ?? false
    this.#index = at.index
  }

  /** The index if it is in memory, as that of the last segment always is. */
  get loadedIndex(): SparseIndex | undefined {
    return this.#index
  }

  /** The index, read from its file, or rebuilt from the segment when the file is missing or damaged. */
  index(): Promise<SparseIndex> {
    return (this.#indexLoading ??=
      this.#index === undefined ? this.#loadIndex() : Promise.resolve(this.#index))
  }

  file(): Promise<DiskFile> {
    if (this.#closed) throw new EvertError('CLOSED', `${this.path} was removed or closed.`)
    return (this.#file ??= this.#disk.open(this.path))
  }

  /** Reads what is written, as far as asked for; `close` waits for it, so that no read meets a file number that was given away. */
  async read(position: number, length: number): Promise<Buffer> {
    const wanted = Math.min(length, this.writtenBytes - position)
    const read = this.file().then(file => file.read(position, wanted))
    this.#reads.add(read)
    try {
      return await read
    } finally {
      this.#reads.delete(read)
    }
  }

  /** Cuts the file to what is written, and syncs it. */
  async trimAndSync(): Promise<void> {
    const file = await this.file()
    if (this.allocatedBytes > this.writtenBytes) {
      await file.truncate(this.writtenBytes)
      this.allocatedBytes = this.writtenBytes
    }
    await file.sync()
  }

  async writeIndex({ sync }: { sync: boolean }): Promise<void> {
    const payload = this.#index!.encode(this.endOffset, this.sizeBytes)
    await writeChecked(this.#disk, this.#indexPath, { kind: fileKinds.index, payload, sync })
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#reads)
    const file = this.#file
    this.#file = undefined
    await (await file)?.close()
  }

  /** Removes all files of the segment, the log first. */
  async remove(): Promise<void> {
    await this.close()
    await this.#disk.remove(this.path)
    await this.#disk.remove(this.#indexPath)
    await this.#disk.remove(`${this.#directory}/${fileNameOf(this.baseOffset, 'producers')}`)
  }

  get #indexPath(): string {
    return `${this.#directory}/${fileNameOf(this.baseOffset, 'index')}`
  }

  async #loadIndex(): Promise<SparseIndex> {
    const payload = await readChecked(this.#disk, this.#indexPath, fileKinds.index)
    this.#index = payload === undefined ? undefined : SparseIndex.decode(payload, this)
    if (this.#index !== undefined) return this.#index
    this.#index = await this.#rebuiltIndex()
    await this.writeIndex({ sync: false })
    return this.#index
  }

  async #rebuiltIndex(): Promise<SparseIndex> {
    const index = new SparseIndex(this.baseOffset)
    const start = { offset: this.baseOffset, position: 0 }
    const end = await scanBatches(await this.file(), start, (buffer, at, position) =>
      addToIndex(index, buffer, at, position),
    )
    if (end.fault !== undefined) throw damaged(this.path, end.position, end.fault)
    if (end.offset !== this.endOffset)
      throw damaged(this.path, end.position, `it ends at offset ${end.offset}, not ${this.endOffset}`)
    return index
  }
}

/** Tells an index of the batch at a place of a buffer. */
export function addToIndex(index: SparseIndex, buffer: Buffer, at: number, position: number): void {
  index.add(readInt64(buffer, at), position, readInt64(buffer, at + MAX_TIMESTAMP))
}
