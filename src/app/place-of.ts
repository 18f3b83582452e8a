import { realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What names one embedded log, whichever way its URL is written, and whether its directory exists or not. */
export function placeOf(url: string): string {
  if (!url.startsWith('file:')) return url
  return `file:${realPath(resolve(url.startsWith('file://') ? fileURLToPath(url) : url.slice('file:'.length)))}`
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
