import { EvertError } from '../../errors.ts'
import type { Disk, DiskEntry, DiskFile } from './disk.ts'
import { parentOf } from './disk.ts'

const SECTOR_BYTES = 512
const NEVER = new Promise<never>(() => {})

type Change = { readonly position: number; readonly bytes: Buffer } | { readonly truncateTo: number }

/** The content of a file, whatever its name: what is synced, what is seen, and the changes between the two. */
interface Inode {
  durable: Buffer
  current: Buffer
  pending: Change[]
}

/** One atomic change of names; undefined takes a name away. */
type Naming = ReadonlyMap<string, Inode | undefined>

/**
 * A disk that can lose its power. Until then it works like any other, each call taking a random number of turns of the
 * microtask queue. At operation number `crashAt` it stops for ever: that call and all later ones never return. `after`
 * then gives a disk with what survived: of changes not synced any part, in sectors of 512 bytes and in any order.
 */
export class SimulatedDisk implements Disk {
  readonly volatile = false
  /** Resolves when the power is lost. */
  readonly crashed: Promise<void>
  /** Makes the calls named fail with DISK from now on, as a worn-out disk would. */
  readonly failing = new Set<'write' | 'sync'>()
  operations = 0
  /** The power fails at this operation. */
  crashAt: number
  readonly #random: () => number
  #isCrashed = false
  #crash: () => void = () => {}
  #durableNames = new Map<string, Inode>()
  #names = new Map<string, Inode>()
  #pendingNames: Naming[] = []

  constructor(random: () => number, crashAt = Infinity) {
    this.#random = random
    this.crashAt = crashAt
    this.crashed = new Promise(resolve => {
      this.#crash = resolve
    })
  }

  get isCrashed(): boolean {
    return this.#isCrashed
  }

  /** The disk as a machine finds it that comes up again; it fails again at its operation `crashAt`. */
  after(crashAt = Infinity): SimulatedDisk {
    const disk = new SimulatedDisk(this.#random, crashAt)
    const keep = this.#pick([0, 0.5, 0.9, 1])
    const names = new Map(this.#durableNames)
    const isOrdered = this.#random() < 0.5
    for (const naming of this.#pendingNames) {
      const isKept = this.#random() < keep
      if (isKept) rename(names, naming)
      else if (isOrdered) break
    }
    const survivors = new Map<Inode, Inode>()
    for (const [path, inode] of names) {
      const survivor = survivors.get(inode) ?? this.#surviving(inode, keep)
      survivors.set(inode, survivor)
      disk.#names.set(path, survivor)
      disk.#durableNames.set(path, survivor)
    }
    return disk
  }

  /** The disk after the process alone was killed: all that was written is seen, though not more of it is durable. */
  afterKill(crashAt = Infinity): SimulatedDisk {
    const disk = new SimulatedDisk(this.#random, crashAt)
    disk.#names = this.#names
    disk.#durableNames = this.#durableNames
    disk.#pendingNames = this.#pendingNames
    return disk
  }

  /** The bytes of a file as they are seen; a test may change them in place, as rot would. */
  bytesOf(path: string): Buffer | undefined {
    return this.#names.get(path)?.current
  }

  async open(path: string): Promise<DiskFile> {
    let inode = this.#names.get(path)
    if (inode === undefined) {
      inode = { durable: Buffer.alloc(0), current: Buffer.alloc(0), pending: [] }
      await this.#operate(() => this.#rename(new Map([[path, inode]])))
      // Another call may have made it meanwhile.
      inode = this.#names.get(path) ?? inode
    }
    return this.#file(inode)
  }

  async list(directory: string): Promise<readonly DiskEntry[]> {
    if (this.#isCrashed) return await NEVER
    const prefix = directory === '' ? '' : `${directory}/`
    const sizes = new Map<string, number>()
    for (const [path, inode] of this.#names) {
      if (!path.startsWith(prefix)) continue
      const [name, below] = path.slice(prefix.length).split('/') as [string, string?]
      sizes.set(name, below === undefined ? inode.current.length : 0)
    }
    return [...sizes].map(([name, sizeBytes]) => ({ name, sizeBytes }))
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#operate(() => {
      const inode = this.#names.get(from)
      if (inode === undefined) throw new EvertError('DISK', `There is no ${from} to rename.`)
      this.#rename(
        new Map([
          [from, undefined],
          [to, inode],
        ]),
      )
    })
  }

  async remove(path: string): Promise<void> {
    await this.#operate(() => {
      for (const name of this.#names.keys())
        if (name === path || name.startsWith(`${path}/`)) this.#rename(new Map([[name, undefined]]))
    })
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.#operate(undefined, () => {
      this.#fault('sync')
      const isSynced = (path: string) =>
        parentOf(path) === directory || parentOf(path) === '' || directory.startsWith(`${parentOf(path)}/`)
      const rest: Naming[] = []
      for (const naming of this.#pendingNames)
        if ([...naming.keys()].some(isSynced)) rename(this.#durableNames, naming)
        else rest.push(naming)
      this.#pendingNames = rest
    })
  }

  #file(inode: Inode): DiskFile {
    const change = (change: Change) => {
      inode.pending.push(change)
      inode.current = changed(inode.current, change)
    }
    return {
      get sizeBytes() {
        return inode.current.length
      },
      write: (buffers, position) => {
        const bytes = Buffer.concat(buffers)
        return this.#operate(() => {
          this.#fault('write')
          change({ position, bytes })
        })
      },
      read: async (position, length) => {
        if (this.#isCrashed) return await NEVER
        return inode.current.subarray(position, position + length)
      },
      truncate: sizeBytes => this.#operate(() => change({ truncateTo: sizeBytes })),
      sync: () => {
        // A sync vouches for what was written before it was called, not for what comes while it runs.
        const count = inode.pending.length
        const content = inode.current
        return this.#operate(undefined, () => {
          this.#fault('sync')
          inode.pending = inode.pending.slice(count)
          inode.durable = content
        })
      },
      close: async () => {},
    }
  }

  /** A change is begun before the power may fail, a sync only done after it has not. */
  async #operate(begin: (() => void) | undefined, end?: () => void): Promise<void> {
    if (this.#isCrashed) return await NEVER
    begin?.()
    this.operations++
    if (this.operations >= this.crashAt) {
      this.#isCrashed = true
      this.#crash()
      return await NEVER
    }
    for (let turns = Math.floor(this.#random() * 8); turns >= 0; turns--) await Promise.resolve()
    if (this.#isCrashed) return await NEVER
    end?.()
  }

  #fault(call: 'write' | 'sync'): void {
    if (this.failing.has(call)) throw new EvertError('DISK', `The simulated disk refuses to ${call}.`)
  }

  #rename(naming: Naming): void {
    this.#pendingNames.push(naming)
    rename(this.#names, naming)
  }

  #surviving(inode: Inode, keep: number): Inode {
    let content = inode.durable
    for (const change of inode.pending) {
      if ('truncateTo' in change) {
        if (this.#random() < keep) content = changed(content, change)
        continue
      }
      const end = change.position + change.bytes.length
      // The new length may survive without the bytes: then there are zeroes.
      if (end > content.length && this.#random() < keep) content = changed(content, { truncateTo: end })
      for (let at = change.position; at < end; ) {
        const next = Math.min(end, (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES)
        const bytes = change.bytes.subarray(at - change.position, next - change.position)
        if (this.#random() < keep) content = changed(content, { position: at, bytes })
        at = next
      }
    }
    return { durable: content, current: content, pending: [] }
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.#random() * choices.length)]!
  }
}

function rename(names: Map<string, Inode>, naming: Naming): void {
  for (const [path, inode] of naming)
    if (inode === undefined) names.delete(path)
    else names.set(path, inode)
}

/** The content with a change made: a new buffer, so that contents can be kept. */
function changed(content: Buffer, change: Change): Buffer {
  const size = 'truncateTo' in change ? change.truncateTo : change.position + change.bytes.length
  const length = 'truncateTo' in change ? size : Math.max(content.length, size)
  const result = Buffer.alloc(length)
  content.copy(result, 0, 0, Math.min(content.length, length))
  if ('bytes' in change) change.bytes.copy(result, change.position)
  return result
}
