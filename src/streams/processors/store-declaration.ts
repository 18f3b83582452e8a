import type { Plan } from '../graph/plan.ts'
import type { ProcessorContext } from './processor.ts'

/** Where a declaration keeps how it is connected: not a name that users meet. */
export const CONNECTION: unique symbol = Symbol('store connection')

/**
 * What a processor names under `stores`: a store that it declares, a table, or a global table. `S` is what the
 * processor gets to work with (Kafka Streams: StoreBuilder, connectProcessorAndStateStores).
 */
export interface StoreDeclaration<S> {
  readonly [CONNECTION]: StoreConnection<S>
}

export type StoreDeclarations = Readonly<Record<string, StoreDeclaration<unknown>>>

export type StoresOf<S extends StoreDeclarations> = {
  readonly [N in keyof S]: S[N] extends StoreDeclaration<infer T> ? T : never
}

export interface StoreConnection<S> {
  /** Adds what the plan does not have yet. Called by each processor that names it. Throws INVALID_TOPOLOGY. */
  connect(plan: Plan): void
  /** The key-value stores that it consists of; asked when the topology is built. */
  names(): readonly string[]
  /** Called once for each task of each processor. */
  open(context: ProcessorContext, time: ProcessorTime): S
}

/** When a write happens, by default: asked for at each. */
export interface WriteTime {
  /** Throws INVALID_ARGUMENT outside of a callback. */
  readonly timestamp: number
}

export interface ProcessorTime extends WriteTime {
  /** Runs a callback of the processor at a time of its own, as a punctuation does. */
  during(timeMs: number, callback: () => unknown): void
}
