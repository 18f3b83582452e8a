import type { StateEngine } from '../state/byte-store.ts'
import { GLOBAL_TASK } from '../state/task-id.ts'
import type { Logger } from './logger.ts'

/**
 * Drops the state that tasks left here before the application was rewound, once per rewind and before any task is
 * open. What changelogs hold is found to be foreign without this too (their topics are others now); what is not logged
 * is known by this alone. Global tables are copies of topics and stay.
 */
export async function dropStateBefore(
  rewindId: string | undefined,
  engine: StateEngine,
  logger: Logger,
): Promise<void> {
  if (rewindId === undefined || engine.rewindId === rewindId) return
  const dropped = await dropTaskState(engine)
  engine.rewindId = rewindId
  if (dropped.length > 0) {
    logger.info(
      `The application was rewound: the state of ${dropped.length === 1 ? 'task' : 'tasks'} ${dropped.join(', ')} that was here is dropped.`,
    )
  }
}

/** Drops the state of all tasks, which are closed; returns their ids. */
export async function dropTaskState(engine: StateEngine): Promise<string[]> {
  const tasks = engine.tasks().filter(taskId => taskId !== GLOBAL_TASK)
  for (const taskId of tasks) await engine.dropTask(taskId)
  return tasks
}
