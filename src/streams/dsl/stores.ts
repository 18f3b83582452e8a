import type { Codec } from '../../contracts/codec.ts'
import { EvertError } from '../../errors.ts'
import type { Plan, PlanStore } from '../graph/plan.ts'
import { type ProcessorStore, TypedStore } from '../processors/processor-store.ts'
import type { ProcessorContext } from '../processors/processor.ts'
import { CONNECTION, type ProcessorTime, type StoreDeclaration } from '../processors/store-declaration.ts'

export interface DeclaredStoreOptions<K, V> {
  readonly key: Codec<K>
  readonly value: Codec<V>
  /**
   * Whether changes go to a changelog topic. Default true. Without one the rows are on this machine only: they
   * survive a restart here, and begin empty wherever else the task runs next, or when the disk or the power is lost.
   */
  readonly logged?: boolean
}

/**
 * Declares a key-value store for processors. Those that name the same declaration share the store, and so become one
 * sub-topology; their keys meet there only if their streams are partitioned alike. Changes are logged like a table's.
 *
 * @example
 * const seen = keyValueStore('seen', { key: string, value: int64 })
 */
export function keyValueStore<K, V>(
  name: string,
  { key, value, logged = true }: DeclaredStoreOptions<K, V>,
): StoreDeclaration<ProcessorStore<K, V>> {
  return declared([{ name, key, value, logged }], (context, time) => {
    return new TypedStore<K, V>(context.keyValue(name), key, time)
  })
}

export type StorePart = Pick<PlanStore, 'name' | 'key' | 'value'> & { readonly logged: boolean }

/** A declaration of the key-value stores that one store consists of; the first has its name. */
export function declared<S>(
  parts: readonly [StorePart, ...StorePart[]],
  open: (context: ProcessorContext, time: ProcessorTime) => S,
): StoreDeclaration<S> {
  const names = parts.map(({ name }) => name)
  const declaration: StoreDeclaration<S> = {
    name: parts[0].name,
    [CONNECTION]: {
      connect: plan => {
        if (!isPresent(plan, declaration)) {
          for (const part of parts) plan.addStore({ ...part, sourceTopic: undefined, declaration })
        }
      },
      names: () => names,
      open,
    },
  }
  return declaration
}

function isPresent(plan: Plan, declaration: StoreDeclaration<unknown>): boolean {
  const { name } = declaration
  const present = plan.stores.find(store => store.name === name)
  if (present?.declaration === declaration) return true
  if (present?.declaration === undefined) return false
  throw new EvertError(
    'INVALID_TOPOLOGY',
    `Two stores are declared with the name "${name}". To share a store, give both processors the same declaration; ` +
      'otherwise rename one.',
  )
}
