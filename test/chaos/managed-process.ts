import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface ProcessOptions {
  /** A file of this folder. */
  readonly script: string
  readonly args: readonly string[]
  /** Where its errors and notes go; appended. */
  readonly notes: string
  /** What it says: one JSON value per line. */
  readonly onSaid?: (said: Said) => void
}

export interface Said {
  readonly kind: string
  readonly [field: string]: unknown
}

/** A script of this folder as a process of its own, which can be killed, stopped and continued. */
export class ManagedProcess {
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  #wasEnded = false

  constructor({ script, args, notes, onSaid = () => {} }: ProcessOptions) {
    const file = openSync(notes, 'a')
    this.#child = spawn(
      process.execPath,
      ['--conditions=evert-source', join(import.meta.dirname, script), ...args],
      { stdio: ['ignore', 'pipe', file] },
    )
    closeSync(file)
    this.#exited = once(this.#child, 'close')
    const lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream })
    lines.on('line', line => onSaid(JSON.parse(line) as Said))
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** How it ended, if nobody here ended it. */
  get unexpectedEnd(): string | undefined {
    const { exitCode, signalCode } = this.#child
    if (this.isAlive || (this.#wasEnded && (exitCode === 0 || signalCode !== null))) return undefined
    return signalCode ?? `status ${exitCode}`
  }

  /** It is about to end, as it should. */
  expectEnd(): void {
    this.#wasEnded = true
  }

  pause(): void {
    this.#child.kill('SIGSTOP')
  }

  resume(): void {
    this.#child.kill('SIGCONT')
  }

  /** Resolves when it is gone, whoever ended it. */
  async ended(): Promise<void> {
    await this.#exited
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Asks it to end; false when it did not within the time, and was killed. */
  async terminate(withinMs: number): Promise<boolean> {
    const patience = AbortSignal.timeout(withinMs)
    let isLate = false
    patience.addEventListener('abort', () => {
      isLate = this.isAlive
      this.#child.kill('SIGKILL')
    })
    await this.#end('SIGTERM')
    return !isLate
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.#wasEnded = true
    if (this.isAlive) this.#child.kill(signal)
    await this.#exited
  }
}

/** Starts a process and waits until it says `kind`; rejects when it ends before. */
export async function startUntil(kind: string, options: ProcessOptions): Promise<ManagedProcess> {
  return new Promise((resolve, reject) => {
    const started: ManagedProcess = new ManagedProcess({
      ...options,
      onSaid: said => {
        if (said.kind === kind) resolve(started)
        options.onSaid?.(said)
      },
    })
    void started.ended().then(() => reject(new Error(`${options.script} ended before it was ${kind}`)))
  })
}
