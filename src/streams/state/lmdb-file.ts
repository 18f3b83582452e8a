import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { EvertError } from '../../errors.ts'

/**
 * What is checked of LMDB's data file before the binding maps it: mapped damage ends the process with a signal, which
 * no error handler sees. The file begins with two meta pages:
 *
 *   | offset | bytes | what                                          |
 *   |--------|-------|-----------------------------------------------|
 *   | 24     | 4     | magic 0xBEEFC0DE, in the machine's byte order |
 *   | 28     | 4     | version of the layout                         |
 *   | 48     | 4     | page size                                     |
 *   | 144    | 8     | number of the last page                       |
 */
const MAGIC_AT = 24
const VERSION_AT = MAGIC_AT + 4
const PAGE_SIZE_AT = 48
const LAST_PAGE_AT = 144
const META_BYTES = LAST_PAGE_AT + 8

const MAGIC = 0xbeefc0de
const VERSION = 2

/** Throws DAMAGED_DATA for what is no data file, or not of this machine. A file that was cut short is filled up with zeros. */
export function checkDataFile(directory: string, pageBytes: number): void {
  const path = join(directory, 'data.mdb')
  if (!existsSync(path)) return
  const file = openSync(path, 'r+')
  try {
    const { size } = fstatSync(file)
    if (size === 0) return
    let lastPage = 0
    for (const at of [0, pageBytes]) {
      const meta = Buffer.alloc(META_BYTES)
      readSync(file, meta, 0, META_BYTES, at)
      const view = new Uint32Array(meta.buffer, meta.byteOffset, META_BYTES / 4)
      const isWhole =
        view[MAGIC_AT / 4] === MAGIC &&
        view[VERSION_AT / 4] === VERSION &&
        view[PAGE_SIZE_AT / 4] === pageBytes
      if (!isWhole) throw damaged(directory)
      lastPage = Math.max(
        lastPage,
        Number(new BigUint64Array(meta.buffer, meta.byteOffset + LAST_PAGE_AT, 1)[0]),
      )
    }
    // Reading a mapped page beyond the end of the file would end the process; a page of zeros is an error instead.
    if (size < (lastPage + 1) * pageBytes) ftruncateSync(file, (lastPage + 1) * pageBytes)
  } finally {
    closeSync(file)
  }
}

function damaged(directory: string): EvertError {
  return new EvertError(
    'DAMAGED_DATA',
    `The state in ${directory} is damaged. Remove the directory: its changelogs restore it.`,
  )
}
