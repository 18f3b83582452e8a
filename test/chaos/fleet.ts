import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { ManagedProcess, type Said } from './managed-process.ts'

export interface FleetOptions {
  readonly url: string
  readonly directory: string
  readonly size: number
  /** A process of this folder: URL and directory are its arguments. */
  readonly script: string
  /** Further arguments of an instance. */
  readonly argsOf?: (index: number) => readonly string[]
  readonly onSaid?: (said: Said) => void
}

interface Instance {
  process: ManagedProcess | undefined
  /** What it said last. */
  state: string
  tasks: readonly string[]
}

/** How long a process that was replaced gets to find that out by itself. */
const FENCED_WITHIN_MS = 5_000
/** How long a close may take. */
const CLOSE_MS = 30_000

/** The instances of an application, each a process with a state directory of its own. */
export class Fleet {
  readonly #options: FleetOptions
  readonly #instances: Instance[]
  /** What went wrong with the processes themselves. */
  readonly problems: string[] = []
  starts = 0
  /** Processes that found out that another one has taken over. */
  fencings = 0
  #isClosing = false
  #isEnded = false
  /** Those that were replaced while they were stopped too. */
  readonly #started = new Set<ManagedProcess>()

  constructor(options: FleetOptions) {
    this.#options = options
    this.#instances = Array.from({ length: options.size }, () => ({
      process: undefined,
      state: '',
      tasks: [],
    }))
  }

  get size(): number {
    return this.#instances.length
  }

  /** The tasks that each live instance says it runs. */
  get tasks(): readonly (readonly string[])[] {
    return this.#instances.map(({ process, tasks }) => (process?.isAlive ? tasks : []))
  }

  get areRunning(): boolean {
    return this.#instances.every(({ process, state }) => process?.isAlive && state === 'RUNNING')
  }

  /** Starts those that do not run. */
  startAll(): void {
    for (let index = 0; index < this.size; index++) this.start(index)
  }

  start(index: number): void {
    const instance = this.#instances[index] as Instance
    if (instance.process?.isAlive || this.#isEnded) return
    const { url, directory, script, argsOf = () => [], onSaid } = this.#options
    this.starts++
    instance.state = ''
    instance.tasks = []
    const started: ManagedProcess = new ManagedProcess({
      script,
      args: [url, this.#stateOf(index), ...argsOf(index)],
      notes: join(directory, `instance-${index}.txt`),
      onSaid: said => {
        onSaid?.(said)
        if (said.kind === 'fenced') void this.#replace(index, started)
        if (said.kind === 'failed') this.problems.push(`instance ${index} failed: ${String(said['message'])}`)
        if (said.kind !== 'instance') return
        instance.state = said['state'] as string
        instance.tasks = said['tasks'] as string[]
      },
    })
    instance.process = started
    this.#started.add(started)
    void started.ended().then(() => this.#started.delete(started))
  }

  /** Whoever was fenced ends; if nobody else has its place, another one starts. */
  async #replace(index: number, fenced: ManagedProcess): Promise<void> {
    this.fencings++
    fenced.expectEnd()
    await fenced.ended()
    if (this.#instances[index]?.process === fenced && !this.#isClosing) this.start(index)
  }

  /** Stops the process and starts another in its place; once resumed, the former has a while to find out and end. */
  usurp(index: number): { resume(): Promise<void> } {
    const instance = this.#instances[index] as Instance
    const { process: zombie } = instance
    if (zombie?.isAlive !== true) return { resume: async () => {} }
    zombie.pause()
    instance.process = undefined
    this.start(index)
    return {
      resume: async () => {
        zombie.resume()
        await Promise.race([zombie.ended(), after(FENCED_WITHIN_MS)])
        // One that finds nothing to do, or no log, cannot know.
        await zombie.kill()
      },
    }
  }

  /** Those that ended though nobody ended them. */
  checkEnds(): void {
    for (const [index, instance] of this.#instances.entries()) {
      const end = instance.process?.unexpectedEnd
      if (end === undefined) continue
      this.problems.push(`instance ${index} ended by itself: ${end}`)
      instance.process = undefined
    }
  }

  async kill(index: number): Promise<void> {
    await this.#instances[index]?.process?.kill()
  }

  loseDisk(index: number): void {
    rmSync(this.#stateOf(index), { recursive: true, force: true })
  }

  pause(index: number): void {
    this.#instances[index]?.process?.pause()
  }

  resume(index: number): void {
    this.#instances[index]?.process?.resume()
  }

  async close(index: number): Promise<void> {
    const { process } = this.#instances[index] as Instance
    if (process?.isAlive !== true) return
    if (await process.terminate(CLOSE_MS)) return
    this.problems.push(`instance ${index} did not close within ${CLOSE_MS / 1000} s`)
  }

  async closeAll(): Promise<void> {
    this.#isClosing = true
    await Promise.all(this.#instances.map((_, index) => this.close(index)))
    this.#isClosing = false
  }

  /** For good: nothing is started after it. */
  async killAll(): Promise<void> {
    this.#isEnded = true
    await Promise.all(Array.from(this.#started, started => started.kill()))
  }

  #stateOf(index: number): string {
    return join(this.#options.directory, `state-${index}`)
  }
}

function after(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms).unref())
}
