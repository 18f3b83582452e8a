import type { Codec } from '../../contracts/codec.ts'
import { EvertError } from '../../errors.ts'
import { assert } from '../../internal/assert.ts'
import type { Plan } from '../graph/plan.ts'
import { type ReadOnlyStore, readOnlyStore } from '../processors/processor-store.ts'
import type { StoreConnection } from '../processors/store-declaration.ts'
import { storesOf, type TableParts } from './table-parts.ts'

/**
 * Connects processors to the rows of a table, which keeps them from then on if it did not yet (Kafka Streams:
 * connectProcessorAndStateStores with the name of a table's store).
 */
export function tableConnection<K, V>(
  plan: Plan,
  table: TableParts,
  key: Codec<K>,
): StoreConnection<ReadOnlyStore<K, V>> {
  const { state } = table
  return {
    connect(other) {
      assertSamePlan(plan, other)
      // A table that reads a topic has a name of its own for its store.
      table.lookup()
      if (state.store === undefined) table.keepRows(plan.names.store('KTABLE-PROCESS-'))
    },
    names: () => storesOf(state),
    open(context) {
      assert(state.store !== undefined, 'a connected table without a store')
      return readOnlyStore<K, V>(context.keyValue(state.store), key)
    },
  }
}

/** Throws INVALID_TOPOLOGY for a table of another builder. */
export function assertSamePlan(own: Plan, other: Plan): void {
  if (own === other) return
  throw new EvertError(
    'INVALID_TOPOLOGY',
    'A processor names a table of another builder under its stores. Read the topic in this one too.',
  )
}
