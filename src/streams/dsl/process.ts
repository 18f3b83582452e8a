import type { Codec } from '../../contracts/codec.ts'
import { EvertError } from '../../errors.ts'
import type { Plan, PlanProcessor } from '../graph/plan.ts'
import type {
  ProcessContext,
  ProcessValuesContext,
  RecordContext,
  StoreDeclaration,
  StoreDeclarations,
} from '../processors/process-context.ts'
import { type UserProcessorPlan, userProcessor } from '../processors/user-processor.ts'

/**
 * Declares a key-value store for processors. Those that name the same declaration share the store, and so become one
 * sub-topology; their keys meet there only if their streams are partitioned alike. Changes are logged like a table's.
 *
 * @example
 * const seen = keyValueStore('seen', { key: string, value: int64 })
 */
export function keyValueStore<K, V>(
  name: string,
  codecs: { readonly key: Codec<K>; readonly value: Codec<V> },
): StoreDeclaration<K, V> {
  return { name, key: codecs.key, value: codecs.value }
}

/**
 * A processor of records: what it needs, what it sends on, and how to make one for a task. `create` is called for
 * each task (again after a rollback), so what it closes over belongs to the task alone; what must outlive that
 * belongs in a store. The function that it returns is called with each record, in order.
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
  readonly create: (
    context: ProcessContext<K2, V2, S>,
  ) => (value: V, key: K, record: RecordContext) => void | undefined
}

/** As ProcessDefinition; results keep the record's key. */
export interface ProcessValuesDefinition<K, V, V2, S extends StoreDeclarations> {
  readonly stores?: S
  readonly value?: Codec<V2>
  readonly create: (
    context: ProcessValuesContext<V2, S>,
  ) => (value: V, key: K, record: RecordContext) => void | undefined
}

/** The node of a processor; its stores are added to the plan by the first that names them. */
export function planProcess(
  plan: Plan,
  {
    stores = {},
    ...processor
  }: Omit<UserProcessorPlan, 'stores'> & { readonly stores: StoreDeclarations | undefined },
): PlanProcessor {
  for (const declaration of Object.values(stores)) addOnce(plan, declaration)
  const names = [...new Set(Object.values(stores).map(({ name }) => name))]
  return { create: userProcessor({ ...processor, stores }), stores: () => names }
}

function addOnce(plan: Plan, declaration: StoreDeclaration<unknown, unknown>): void {
  const { name, key, value } = declaration
  const present = plan.stores.find(store => store.name === name)
  if (present?.declaration === declaration) return
  if (present?.declaration !== undefined) {
    throw new EvertError(
      'INVALID_TOPOLOGY',
      `Two stores are declared with the name "${name}". To share a store, give both processors the same declaration; ` +
        'otherwise rename one.',
    )
  }
  plan.addStore({ name, key, value, sourceTopic: undefined, declaration })
}
