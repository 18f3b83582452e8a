import { mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { EvertError } from '../errors.ts'

/** Makes a directory and its parents where they are missing. Throws DISK with the path and the reason. */
export function makeDirectory(path: string): void {
  try {
    make(resolve(path))
  } catch (cause) {
    throw unusableDirectory(path, cause)
  }
}

/** The error for a directory that cannot be made, read or written; one that says more is kept as it is. */
export function unusableDirectory(path: string, cause: unknown): EvertError {
  if (cause instanceof EvertError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new EvertError(
    'DISK',
    `The directory ${path} cannot be used: ${reason}. Choose one that this process may make and write.`,
    { cause },
  )
}

/**
 * Not `mkdirSync` with `recursive`: where a parent is there and the directory still cannot be made with ENOENT, as in
 * /proc, Node tries without end.
 */
function make(path: string, isParentThere = false): void {
  if (isDirectory(path)) return
  try {
    mkdirSync(path)
  } catch (cause) {
    // Another process may have made it meanwhile.
    if (isDirectory(path)) return
    const isParentMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT' && !isParentThere
    if (!isParentMissing) throw cause
    make(dirname(path))
    make(path, true)
  }
}

function isDirectory(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined || stats.isDirectory()) return stats !== undefined
  throw new Error(`${path} is a file`)
}
