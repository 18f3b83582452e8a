import { EvertError, isEvertError } from '../errors.ts'
import type { ClientCounts } from './client-counts.ts'
import { CountedConnection } from './counted-connection.ts'
import type { BrokerAddress, Connection, Transport } from './connection.ts'
import { type Backoff, backoffMs, delay } from './retry.ts'

interface Slot {
  connection: Connection | undefined
  opening: Promise<Connection> | undefined
  failures: number
  notBeforeMs: number
}

/**
 * One component's connections, at most one per node: kept while they are open, opened again with growing pauses.
 * `get` throws CONNECTION (retryable) when the node is unknown or cannot be reached, CLOSED after close().
 */
export class NodeConnections {
  readonly #transport: Transport
  readonly #nodes: () => ReadonlyMap<number, BrokerAddress>
  readonly #backoff: Backoff
  readonly #counts: ClientCounts | undefined
  readonly #slots = new Map<string, Slot>()
  #turn = 0
  #isClosed = false

  constructor(
    transport: Transport,
    nodes: () => ReadonlyMap<number, BrokerAddress>,
    { backoff, counts }: { readonly backoff: Backoff; readonly counts?: ClientCounts },
  ) {
    this.#counts = counts
    this.#transport = transport
    this.#nodes = nodes
    this.#backoff = backoff
  }

  /** The connection to a node if it is open right now. */
  peek(nodeId: number): Connection | undefined {
    const address = this.#nodes().get(nodeId)
    const connection = address && this.#slots.get(keyOf(address))?.connection
    return connection?.isOpen === true ? connection : undefined
  }

  async get(nodeId: number): Promise<Connection> {
    const address = this.#nodes().get(nodeId)
    if (address === undefined) {
      throw new EvertError('CONNECTION', `Node ${nodeId} is not part of the cluster (any more).`, {
        retryable: true,
      })
    }
    return this.#at(address)
  }

  /** Any node that can be reached: an open one first, then known nodes by turn, then the bootstrap addresses. */
  async any(): Promise<Connection> {
    for (const { connection } of this.#slots.values()) if (connection?.isOpen === true) return connection
    const known = [...this.#nodes().values()]
    const start = this.#turn++ % Math.max(1, known.length)
    const candidates = [...known.slice(start), ...known.slice(0, start), ...this.#transport.bootstrap]
    const failures: EvertError[] = []
    for (const address of candidates) {
      try {
        return await this.#at(address)
      } catch (error) {
        if (!isEvertError(error, 'CONNECTION')) throw error
        failures.push(error)
      }
    }
    throw unreachable(failures)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const slots = [...this.#slots.values()]
    await Promise.all(slots.map(async slot => slot.connection?.close()))
  }

  #at(address: BrokerAddress): Promise<Connection> {
    const key = keyOf(address)
    let slot = this.#slots.get(key)
    if (slot === undefined) {
      slot = { connection: undefined, opening: undefined, failures: 0, notBeforeMs: 0 }
      this.#slots.set(key, slot)
    }
    if (slot.connection?.isOpen === true) return Promise.resolve(slot.connection)
    slot.opening ??= this.#open(address, slot)
    return slot.opening
  }

  async #open(address: BrokerAddress, slot: Slot): Promise<Connection> {
    try {
      const waitMs = slot.notBeforeMs - this.#backoff.clock.elapsedMs()
      if (waitMs > 0) await delay(this.#backoff.clock, waitMs)
      if (this.#isClosed) throw closed()
      const connection = await this.#transport.connect(address)
      if (this.#isClosed) {
        await connection.close()
        throw closed()
      }
      slot.connection =
        this.#counts === undefined ? connection : new CountedConnection(connection, this.#counts)
      slot.failures = 0
      // A connection that breaks at once counts as a failure too.
      slot.notBeforeMs = this.#backoff.clock.elapsedMs() + backoffMs(this.#backoff, 0)
      return slot.connection
    } catch (error) {
      slot.notBeforeMs = this.#backoff.clock.elapsedMs() + backoffMs(this.#backoff, slot.failures++)
      throw error
    } finally {
      slot.opening = undefined
    }
  }
}

/** Names every broker that was tried; one that was known and a bootstrap address too is named once. */
function unreachable(failures: readonly EvertError[]): EvertError {
  const messages = [...new Set(failures.map(({ message }) => message))]
  const last = failures.at(-1) as EvertError
  if (messages.length === 1) return last
  return new EvertError('CONNECTION', `No broker can be reached. ${messages.join(' ')}`, {
    cause: last,
    retryable: last.retryable,
  })
}

function keyOf(address: BrokerAddress): string {
  return `${address.host}:${address.port}`
}

function closed(): EvertError {
  return new EvertError('CLOSED', 'The client was closed.')
}
