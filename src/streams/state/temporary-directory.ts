import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TemporaryDirectory {
  readonly path: string
  /** With everything in it. */
  remove(): void
}

/** A new, empty one; whoever made it removes it. */
export function temporaryDirectory(): TemporaryDirectory {
  const path = mkdtempSync(join(tmpdir(), 'evert-state-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}
