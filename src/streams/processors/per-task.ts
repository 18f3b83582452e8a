import type { TaskContext } from './processor.ts'

/** What several processors of one task share: made by the first that asks. */
export function perTask<T>(make: (task: TaskContext) => T): (task: TaskContext) => T {
  const made = new WeakMap<TaskContext, { readonly it: T }>()
  return task => {
    let present = made.get(task)
    if (present === undefined) {
      present = { it: make(task) }
      made.set(task, present)
    }
    return present.it
  }
}
