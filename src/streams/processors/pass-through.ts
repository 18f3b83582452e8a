import type { ProcessorFactory } from './processor.ts'

/** A node that only exists in the plan (merge, a branch, toStream): in a task, records skip it. */
export const passThrough: ProcessorFactory = (_context, next) => next
