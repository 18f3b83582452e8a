import { globSync, readFileSync } from 'node:fs'
import type { Api } from '../../src/wire/message.ts'

/** The lines of a file recorded from Java; see README.md. */
export function fixture<T>(name: string): T[] {
  const text = readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as T)
}

/** Every API that the folder of messages defines. */
export async function everyApi(): Promise<Api[]> {
  const folder = new URL('../../src/wire/messages/', import.meta.url)
  const files = globSync('*.ts', { cwd: folder }).toSorted()
  const modules = (await Promise.all(files.map(file => import(new URL(file, folder).href)))) as object[]
  return modules.flatMap(module => Object.values(module)).filter(isApi)
}

function isApi(value: unknown): value is Api {
  return typeof value === 'object' && value !== null && 'request' in value && 'flexible' in value
}
