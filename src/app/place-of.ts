import { realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { logDirectory } from '../broker/log-directory.ts'
import { unusableDirectory } from '../internal/make-directory.ts'

/** What names one embedded log, whichever way its URL is written, and whether its directory exists or not. */
export function placeOf(url: string): string {
  if (!url.startsWith('file:')) return url
  const directory = logDirectory(url)
  try {
    return `file:${realPath(directory)}`
  } catch (cause) {
    throw unusableDirectory(directory, cause)
  }
}

/** With the links of that part of the path that exists followed. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    const parent = dirname(path)
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw error
    return join(realPath(parent), basename(path))
  }
}
