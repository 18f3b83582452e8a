import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Vector } from './vector.ts'

/** Every vector of every `.jsonl` file in the folder, by file. */
export function* readVectors(folder: string): Generator<Vector> {
  const files = readdirSync(folder).filter(file => file.endsWith('.jsonl'))
  for (const file of files.toSorted()) {
    const lines = readFileSync(join(folder, file), 'utf8').split('\n')
    for (const [index, line] of lines.entries()) {
      if (line.trim() === '') continue
      try {
        yield JSON.parse(line) as Vector
      } catch (error) {
        throw new Error(`${file}, line ${index + 1}, is not JSON.`, { cause: error })
      }
    }
  }
}
