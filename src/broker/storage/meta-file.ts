import { randomBytes } from 'node:crypto'
import { EvertError } from '../../errors.ts'
import { FORMAT_VERSION, refuseNewer } from './checked-file.ts'
import type { Disk } from './disk.ts'

const PATH = 'meta.json'
const ID_BYTES = 16

/** What the data directory says of itself. */
export interface Meta {
  readonly clusterId: string
}

/** Undefined when the directory was never opened. Throws NEWER_FORMAT and DAMAGED_DATA. */
export async function readMeta(disk: Disk): Promise<Meta | undefined> {
  if (!(await disk.list('')).some(entry => entry.name === PATH)) return undefined
  const file = await disk.open(PATH)
  const text = (await file.read(0, file.sizeBytes)).toString()
  await file.close()
  const meta = parsed(text)
  if (typeof meta?.['format'] === 'number') refuseNewer(PATH, meta['format'])
  if (meta?.['format'] !== FORMAT_VERSION || typeof meta['clusterId'] !== 'string')
    throw new EvertError(
      'DAMAGED_DATA',
      `${PATH} in the data directory is not what Evert wrote there: ${JSON.stringify(text.slice(0, 80))}. Restore it: {"format":${FORMAT_VERSION},"clusterId":"<22 characters of base64url>"}.`,
    )
  return { clusterId: meta['clusterId'] }
}

export async function writeMeta(disk: Disk, meta: Meta): Promise<void> {
  const temporary = `${PATH}.tmp`
  await disk.remove(temporary)
  const file = await disk.open(temporary)
  const text = `${JSON.stringify({ format: FORMAT_VERSION, ...meta })}\n`
  await file.write([Buffer.from(text)], 0)
  await file.sync()
  await file.close()
  await disk.rename(temporary, PATH)
  await disk.syncDirectory('')
}

/** A random id, 22 characters of base64url; none begins with `-`, which command lines take for an option. */
export function newId(random: (size: number) => Buffer = randomBytes): string {
  for (;;) {
    const id = random(ID_BYTES).toString('base64url')
    if (!id.startsWith('-')) return id
  }
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    // Not JSON: the caller says so, with the text.
    return undefined
  }
}
