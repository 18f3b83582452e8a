import type { Codec } from '../../contracts/codec.ts'
import { describeValue } from '../../contracts/schema.ts'
import { EvertError } from '../../errors.ts'
import type { Plan, PlanProcessor } from '../graph/plan.ts'
import type { ProcessContext, ProcessValuesContext, RecordContext } from '../processors/process-context.ts'
import { CONNECTION, type StoreDeclarations } from '../processors/store-declaration.ts'
import { type UserProcessorPlan, userProcessor } from '../processors/user-processor.ts'
import { assertFunctions, assertOptions } from './operator-calls.ts'

/**
 * A processor of records: what it needs, what it sends on, and how to make one for a task. `create` is called for
 * each task (again after a rollback), so what it closes over belongs to the task alone; what must outlive that
 * belongs in a store. The function that it returns is called with each record, in order; or it returns an object with
 * that function as `process`, and with `close` for what must be given back when the task ends.
 *
 * The return type of the callbacks leaves promises out: a callback is done when it returns.
 */
export interface ProcessDefinition<K, V, K2, V2, S extends StoreDeclarations> {
  /** The stores that it opens, by the names under which it has them. */
  readonly stores?: S
  /** Codec of the keys that it sends on. Default: the stream's own. */
  readonly key?: Codec<K2>
  /** Codec of the values that it sends on. Default: the stream's own. */
  readonly value?: Codec<V2>
  readonly create: (context: ProcessContext<K2, V2, S>) => RecordProcessor<K, V>
}

/** What is called with each record; with `close`, also when the task goes away. */
export type RecordProcessor<K, V> =
  | RecordFunction<K, V>
  | {
      readonly process: RecordFunction<K, V>
      /** The task ends, or goes back to its last commit and is made anew. Stores and forward are out of reach. */
      readonly close?: () => void | undefined
    }

type RecordFunction<K, V> = (value: V, key: K, record: RecordContext) => void | undefined

/** As ProcessDefinition; results keep the record's key. */
export interface ProcessValuesDefinition<K, V, V2, S extends StoreDeclarations> {
  readonly stores?: S
  readonly value?: Codec<V2>
  readonly create: (context: ProcessValuesContext<V2, S>) => RecordProcessor<K, V>
}

/** Throws INVALID_TOPOLOGY for what the compiler would not have taken. */
export function assertDefinition(operator: string, definition: unknown, names: ReadonlySet<string>): void {
  assertOptions(operator, definition, names)
  const { create, stores = {} } = definition as { readonly create?: unknown; readonly stores?: object }
  assertFunctions(operator, { create })
  for (const [name, store] of Object.entries(stores ?? {})) {
    if (typeof store === 'object' && store !== null && CONNECTION in store) continue
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `${operator} needs a declared store as its stores.${name}: keyValueStore(…), keyedTimers(…) and others, or a ` +
        `table; got ${describeValue(store)}.`,
    )
  }
}

/** The node of a processor; its stores are added to the plan by the first that names them. */
export function planProcess(
  plan: Plan,
  {
    stores = {},
    ...processor
  }: Omit<UserProcessorPlan, 'stores'> & { readonly stores: StoreDeclarations | undefined },
): PlanProcessor {
  const connections = Object.values(stores).map(store => store[CONNECTION])
  for (const connection of connections) connection.connect(plan)
  return {
    create: userProcessor({ ...processor, stores }),
    stores: () => [...new Set(connections.flatMap(connection => connection.names()))],
  }
}
