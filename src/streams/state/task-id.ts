import { assert } from '../../internal/assert.ts'

/** Whose state the global tables are. */
export const GLOBAL_TASK = 'global'

/** `<sub-topology>_<partition>`, or that of the global tables: safe as the name of a directory. */
export function assertTaskId(taskId: string): void {
  assert(isTaskId(taskId), `task id ${JSON.stringify(taskId)} is not <sub-topology>_<partition>`)
}

export function isTaskId(name: string): boolean {
  return name === GLOBAL_TASK || /^\d{1,9}_\d{1,9}$/.test(name)
}
