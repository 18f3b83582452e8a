import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

/** A short text in a state directory; undefined when the file is not there. */
export function readText(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined
}

/** Renamed into place, so that it is never found half written. */
export function writeText(path: string, text: string): void {
  // Threads that share the directory may write at the same time.
  const made = `${path}-${randomUUID()}.new`
  writeFileSync(made, `${text}\n`)
  renameSync(made, path)
}
