import type { StateEngine, TaskState } from '../../src/streams/state/byte-store.ts'

/** Lets a test break the engine, to see that it is found. */
export type Breaker = (engine: StateEngine) => StateEngine

/** Faults that a state engine, or a runtime that uses it wrongly, could have. */
export const broken: Readonly<Record<string, Breaker>> = {
  'the last write of a commit is lost': breaking(task => ({
    commit: (writes, metadata) =>
      task.commit(
        writes.map(each => ({ ...each, entries: [...copied(each)].slice(0, -1) })),
        metadata,
      ),
  })),
  'deletions are kept': breaking(task => ({
    commit: (writes, metadata) =>
      task.commit(
        writes.map(each => ({ ...each, entries: copied(each).filter(([, value]) => value !== undefined) })),
        metadata,
      ),
  })),
  'positions are kept and rows are not, now and then': breaking(task => {
    let commits = 0
    return { commit: (writes, metadata) => task.commit(++commits % 7 === 0 ? [] : writes, metadata) }
  }),
  'ranges begin behind their first row': breaking(task => ({
    store: name => {
      const store = task.store(name)
      return {
        name,
        get: key => store.get(key),
        *range(from, to, options) {
          let isFirst = true
          for (const entry of store.range(from, to, options)) {
            if (!isFirst) yield entry
            isFirst = false
          }
        },
        get size() {
          return store.size
        },
      }
    },
  })),
}

/** An entry and its buffer live until the next one is asked for. */
function copied({
  entries,
}: Parameters<TaskState['commit']>[0][number]): (readonly [string, Buffer | undefined])[] {
  return Array.from(
    entries,
    ([key, value]) => [key, value === undefined ? undefined : Buffer.from(value)] as const,
  )
}

function breaking(change: (task: TaskState) => Partial<TaskState>): Breaker {
  return engine => ({
    name: engine.name,
    instanceId: engine.instanceId,
    rewindId: engine.rewindId,
    openTask: id => {
      const task = engine.openTask(id)
      return {
        maxKeyBytes: task.maxKeyBytes,
        prefersSortedWrites: task.prefersSortedWrites,
        store: name => task.store(name),
        metadata: name => task.metadata(name),
        commit: (writes, metadata) => task.commit(writes, metadata),
        close: () => task.close(),
        ...change(task),
      }
    },
    isOpen: id => engine.isOpen(id),
    dropTask: id => engine.dropTask(id),
    tasks: () => engine.tasks(),
    close: () => engine.close(),
  })
}
