import { EvertError } from '../../errors.ts'
import { crc32c } from '../../records/crc32c.ts'
import type { Disk } from './disk.ts'
import { parentOf } from './disk.ts'

/*
 * The envelope of every small file that is written whole, big endian:
 *
 *   at  size  field
 *    0     2  format version    1
 *    2     2  kind              which file this is
 *    4     4  payload length
 *    8     4  CRC-32C of bytes 0-7 and the payload
 *   12     …  payload
 */
const VERSION = 0
const KIND = VERSION + 2
const LENGTH = KIND + 2
const CHECKSUM = LENGTH + 4
const PAYLOAD = CHECKSUM + 4

export const FORMAT_VERSION = 1

export const fileKinds = { index: 1, producers: 2, cleanMark: 3, recoveryPoints: 4, journal: 5 } as const
export type FileKind = (typeof fileKinds)[keyof typeof fileKinds]

/**
 * Writes the file beside itself and renames it, so that a reader finds the old or the new one. With `sync` it is
 * durable when the promise resolves.
 */
export async function writeChecked(
  disk: Disk,
  path: string,
  content: { kind: FileKind; payload: Buffer; sync: boolean },
): Promise<void> {
  const temporary = `${path}.tmp`
  await disk.remove(temporary)
  const file = await disk.open(temporary)
  try {
    await file.write([enveloped(content.kind, content.payload)], 0)
    if (content.sync) await file.sync()
  } finally {
    await file.close()
  }
  await disk.rename(temporary, path)
  if (content.sync) await disk.syncDirectory(parentOf(path))
}

/** The payload, or undefined when the file is missing, torn or damaged: whoever asks can do without it. */
export async function readChecked(disk: Disk, path: string, kind: FileKind): Promise<Buffer | undefined> {
  const name = path.slice(parentOf(path).length).replace(/^\//, '')
  const entry = (await disk.list(parentOf(path))).find(entry => entry.name === name)
  if (entry === undefined) return undefined
  const file = await disk.open(path)
  try {
    const bytes = await file.read(0, file.sizeBytes)
    if (bytes.length < PAYLOAD) return undefined
    const payload = bytes.subarray(PAYLOAD)
    if (bytes.readUInt32BE(LENGTH) !== payload.length) return undefined
    if (bytes.readUInt32BE(CHECKSUM) !== checksum(bytes, payload)) return undefined
    refuseNewer(path, bytes.readUInt16BE(VERSION))
    return bytes.readUInt16BE(KIND) === kind ? payload : undefined
  } finally {
    await file.close()
  }
}

/** Throws NEWER_FORMAT for a version that this release does not know. */
export function refuseNewer(path: string, version: number): void {
  if (version <= FORMAT_VERSION) return
  throw new EvertError(
    'NEWER_FORMAT',
    `${path} in the data directory has format ${version}; this release of Evert reads up to format ${FORMAT_VERSION}. Open the directory with the release that wrote it, or a later one.`,
  )
}

function enveloped(kind: FileKind, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(PAYLOAD + payload.length)
  bytes.writeUInt16BE(FORMAT_VERSION, VERSION)
  bytes.writeUInt16BE(kind, KIND)
  bytes.writeUInt32BE(payload.length, LENGTH)
  payload.copy(bytes, PAYLOAD)
  bytes.writeUInt32BE(checksum(bytes, payload), CHECKSUM)
  return bytes
}

function checksum(bytes: Buffer, payload: Buffer): number {
  return crc32c(Buffer.concat([bytes.subarray(0, CHECKSUM), payload]))
}
