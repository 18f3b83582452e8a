import { Task } from '../../src/streams/runtime/task.ts'
import type { ErrorPolicy } from '../../src/streams/processors/error-policy.ts'
import type { KeyValueStore } from '../../src/streams/state/store.ts'
import { storesByName } from '../../src/streams/state/window-rows.ts'
import { DriverStore } from '../../src/testing/driver-stores.ts'
import type { Program } from './program.ts'
import { batchesOf } from './simulated-log.ts'
import { DEAD_LETTERS, outcomeOfStores, type TaskMaker } from './simulated-run.ts'

export function errorPolicyOf({ onError }: Pick<Program, 'onError'>): ErrorPolicy {
  return onError === 'deadLetter' ? { deadLetter: DEAD_LETTERS } : onError
}

/**
 * A task as it would be if nothing ever failed and memory were free: stores that are Maps, no commits, and one record
 * at a time. What every other run is compared with.
 */
export function plainTask(onError: ErrorPolicy): TaskMaker {
  return (subTopology, { log, globalStores }) => {
    const stores = new Map(
      subTopology.stores.flatMap(({ name, value }) => storesByName(new DriverStore<unknown>(name), value)),
    )
    const task = new Task({
      subTopology,
      partition: 0,
      onError,
      nowMs: () => 0,
      partitionsOf: () => 1,
      stores: {
        keyValue: <V>(name: string) => (globalStores.get(name) ?? stores.get(name)) as KeyValueStore<V>,
      },
      collector: {
        collect: (topic, _partition, timestamp, key, value, headers) =>
          log.append(topic, { timestamp, key, value, headers }),
      },
    })
    const read = new Map<string, number>()
    return {
      async runTo(ends) {
        for (const [topic, end] of ends) {
          const from = read.get(topic) ?? 0
          for (const record of log.records(topic)) {
            if (record.offset < from || record.offset >= end) continue
            const { offset } = record
            const batches = batchesOf([record])
            task.enqueue({ topic, partition: 0, batches, fromOffset: offset, nextOffset: offset + 1 })
          }
          read.set(topic, end)
        }
        while (task.process(1) > 0);
      },
      close: async () => outcomeOfStores(subTopology, name => stores.get(name)?.range() ?? []),
    }
  }
}
