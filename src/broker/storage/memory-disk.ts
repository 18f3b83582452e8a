import type { Disk, DiskEntry, DiskFile } from './disk.ts'

/** The port in memory, for `memory:`. Files keep the buffers they are given, so nothing is copied. */
export class MemoryDisk implements Disk {
  readonly volatile: boolean
  readonly #files = new Map<string, MemoryFile>()

  /** With `volatile` false it stands in for a disk that outlives its user, as a test may want. */
  constructor({ volatile = true } = {}) {
    this.volatile = volatile
  }

  async open(path: string): Promise<DiskFile> {
    let file = this.#files.get(path)
    if (file === undefined) this.#files.set(path, (file = new MemoryFile()))
    return file
  }

  async list(directory: string): Promise<readonly DiskEntry[]> {
    const prefix = directory === '' ? '' : `${directory}/`
    const found = new Map<string, number>()
    for (const [path, file] of this.#files) {
      if (!path.startsWith(prefix)) continue
      const rest = path.slice(prefix.length)
      const slash = rest.indexOf('/')
      if (slash < 0) found.set(rest, file.sizeBytes)
      else found.set(rest.slice(0, slash), 0)
    }
    return [...found].map(([name, sizeBytes]) => ({ name, sizeBytes }))
  }

  async rename(from: string, to: string): Promise<void> {
    const file = this.#files.get(from)
    if (file === undefined) return
    this.#files.delete(from)
    this.#files.set(to, file)
  }

  async remove(path: string): Promise<void> {
    for (const name of this.#files.keys())
      if (name === path || name.startsWith(`${path}/`)) this.#files.delete(name)
  }

  async syncDirectory(): Promise<void> {}
}

class MemoryFile implements DiskFile {
  /** In order and without gaps; `#starts[i]` is where `#chunks[i]` begins. */
  #chunks: Buffer[] = []
  #starts: number[] = []
  #sizeBytes = 0

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  async write(buffers: readonly Buffer[], position: number): Promise<void> {
    const kept = position < this.#sizeBytes ? this.#slice(position, this.#sizeBytes) : undefined
    this.#cut(position)
    for (const buffer of buffers) this.#push(buffer)
    if (kept !== undefined && kept.length > this.#sizeBytes - position)
      this.#push(kept.subarray(this.#sizeBytes - position))
  }

  async read(position: number, length: number): Promise<Buffer> {
    return this.#slice(position, Math.min(position + length, this.#sizeBytes))
  }

  async truncate(sizeBytes: number): Promise<void> {
    this.#cut(sizeBytes)
  }

  async sync(): Promise<void> {}

  async close(): Promise<void> {}

  #push(buffer: Buffer): void {
    if (buffer.length === 0) return
    const last = this.#chunks.at(-1)
    // Appends are mostly the next bytes of the same page: one chunk then stands for all of them.
    if (
      last !== undefined &&
      last.buffer === buffer.buffer &&
      last.byteOffset + last.length === buffer.byteOffset
    )
      this.#chunks[this.#chunks.length - 1] = Buffer.from(
        buffer.buffer,
        last.byteOffset,
        last.length + buffer.length,
      )
    else {
      this.#chunks.push(buffer)
      this.#starts.push(this.#sizeBytes)
    }
    this.#sizeBytes += buffer.length
  }

  #cut(sizeBytes: number): void {
    if (sizeBytes > this.#sizeBytes) this.#push(Buffer.alloc(sizeBytes - this.#sizeBytes))
    while (this.#chunks.length > 0 && this.#starts.at(-1)! >= sizeBytes) {
      this.#chunks.pop()
      this.#starts.pop()
    }
    const last = this.#chunks.length - 1
    if (last >= 0) this.#chunks[last] = this.#chunks[last]!.subarray(0, sizeBytes - this.#starts[last]!)
    this.#sizeBytes = sizeBytes
  }

  #slice(from: number, to: number): Buffer {
    if (to <= from) return Buffer.alloc(0)
    let at = this.#chunkAt(from)
    const skip = from - this.#starts[at]!
    const first = this.#chunks[at]!
    if (skip + to - from <= first.length) return first.subarray(skip, skip + to - from)
    const parts = [first.subarray(skip)]
    while (++at < this.#chunks.length && this.#starts[at]! < to)
      parts.push(this.#chunks[at]!.subarray(0, to - this.#starts[at]!))
    return Buffer.concat(parts)
  }

  #chunkAt(position: number): number {
    let low = 0
    let high = this.#starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.#starts[middle]! <= position) low = middle
      else high = middle - 1
    }
    return low
  }
}
