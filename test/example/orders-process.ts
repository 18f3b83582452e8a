import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { AssertionError } from 'node:assert/strict'

const MAIN = join(import.meta.dirname, '../../examples/orders/main.ts')

/** The order example as a process of its own. */
export interface OrdersProcess {
  readonly url: string
  /** `host:port` for Kafka clients. */
  readonly brokers: string
  /** From the start of the process to its first HTTP answer. */
  readonly startedInMs: number
  kill(signal: NodeJS.Signals): Promise<void>
}

/** Starts the example with free ports and waits until it answers over HTTP. */
export async function startOrders(args: readonly string[]): Promise<OrdersProcess> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, ['--conditions=evert-source', MAIN, '--port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  const errors: string[] = []
  child.stderr.setEncoding('utf8').on('data', text => errors.push(text as string))
  const { url, brokers } = await welcomeOf(child, errors)
  const response = await fetch(`${url}/v1/orders?limit=1`)
  await response.arrayBuffer()
  return {
    url,
    brokers,
    startedInMs: performance.now() - startedAt,
    async kill(signal) {
      child.kill(signal)
      await exited
    },
  }
}

/** Runs the example to its end; rejects unless it ends with `status`. */
export async function runOrders(
  args: readonly string[],
): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  const child = spawn(process.execPath, ['--conditions=evert-source', MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', text => (out += text as string))
  child.stderr.setEncoding('utf8').on('data', text => (err += text as string))
  const [status] = (await once(child, 'close')) as [number]
  return { status, out, err }
}

async function welcomeOf(child: ChildProcess, errors: readonly string[]) {
  let url: string | undefined
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    url ??= /(http:\/\/\S+)\/v1\/orders$/.exec(line)?.[1]
    const brokers = /kafka:\/\/(\S+)$/.exec(line)?.[1]
    if (url === undefined || brokers === undefined) continue
    child.stdout?.resume()
    return { url, brokers }
  }
  throw new AssertionError({ message: `The example ended before it was ready: ${errors.join('')}` })
}
