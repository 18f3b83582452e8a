import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EvertError } from '../errors.ts'

/**
 * The absolute directory of a `file:` cluster URL. Throws INVALID_CLUSTER_URL for what names none, and for what is
 * most likely meant otherwise than it is written.
 *
 * @example
 * logDirectory('file:./data') // the folder `data` in the working directory
 */
export function logDirectory(url: string): string {
  if (!url.startsWith('file:')) {
    throw refused(url, 'names no embedded log', 'write file:DIRECTORY or memory: instead')
  }
  const path = url.startsWith('file://') ? pathOfUrl(url) : url.slice('file:'.length)
  if (path === '' || path.includes('\0')) {
    throw refused(url, 'names no directory', 'write file:./data or file:/var/lib/data')
  }
  if (path.startsWith('~')) {
    throw refused(
      url,
      'starts with "~", which only a shell replaces',
      'write the whole path of your home directory, or file:./~… for a directory of that name',
    )
  }
  const directory = resolve(path)
  if (directory === resolve('/')) {
    throw refused(url, 'names the root directory', 'write a directory of its own, such as file:./data')
  }
  return directory
}

function pathOfUrl(url: string): string {
  try {
    return fileURLToPath(url)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw refused(
      url,
      `names no directory (${reason})`,
      'write file:DIRECTORY for a relative path and file:/DIRECTORY or file:///DIRECTORY for an absolute one',
      cause,
    )
  }
}

function refused(url: string, fault: string, advice: string, cause?: unknown): EvertError {
  return new EvertError('INVALID_CLUSTER_URL', `"${url}" ${fault}; ${advice}.`, { cause })
}
