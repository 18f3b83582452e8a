import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A process that runs an application: evert-service.ts or java/Service.java. */
export interface Service {
  readonly pid: number
  /** Rejects when it ends before it is asked to. */
  readonly failed: Promise<never>
  /** Asks it to end, and waits for that. */
  end(): Promise<void>
}

/** Starts it; resolves when it says that its tasks run. */
export async function startService(command: string, parameters: readonly string[]): Promise<Service> {
  const child = spawn(command, parameters, { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4000)
  })
  let isEnding = false
  const failed = once(child, 'exit').then(([status]): never | Promise<never> => {
    if (isEnding) return new Promise<never>(() => {})
    throw new Error(`The application ended with status ${status}:\n${said}`)
  })
  failed.catch(() => {})
  await Promise.race([failed, runningLine(child)])
  return {
    pid: child.pid as number,
    failed,
    async end() {
      isEnding = true
      child.stdin.end()
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}

async function runningLine(child: ChildProcess): Promise<void> {
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    if (line === 'RUNNING') return
  }
  await new Promise<never>(() => {})
}
