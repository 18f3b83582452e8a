import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Whether `mavenJars` needs no download for jars that were kept under this name. */
export function areJarsHere(name: string): boolean {
  return existsSync(directoryOf(name))
}

/**
 * The directory of the jars that a pom asks for. Downloads once and keeps them under the name, outside of the tree; a
 * directory that is there is complete, since it is renamed into place.
 */
export async function mavenJars(pom: string, name: string): Promise<string> {
  const lib = directoryOf(name)
  if (existsSync(lib)) return lib
  mkdirSync(join(lib, '..'), { recursive: true })
  const partial = mkdtempSync(`${lib}-`)
  const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${partial}`]
  await promisify(execFile)('mvn', ['-q', '-B', '-f', pom, ...goal])
  try {
    renameSync(partial, lib)
  } catch (error) {
    rmSync(partial, { recursive: true, force: true })
    // Another process was faster.
    if (!existsSync(lib)) throw error
  }
  return lib
}

function directoryOf(name: string): string {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache')
  return join(cache, 'evert', name)
}
