import { assert } from '../../internal/assert.ts'

/** `<sub-topology>_<partition>`: digits only, so that it is safe as the name of a directory. */
export function assertTaskId(taskId: string): void {
  assert(isTaskId(taskId), `task id ${JSON.stringify(taskId)} is not <sub-topology>_<partition>`)
}

export function isTaskId(name: string): boolean {
  return /^\d{1,9}_\d{1,9}$/.test(name)
}
