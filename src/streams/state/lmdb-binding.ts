import { open as openDatabase } from '#lmdb'
import type { Database, RootDatabase } from '#lmdb'

/** The only module that names the LMDB binding; `#lmdb` is the npm package here and the bundled one in `dist`. */
export const open = openDatabase
export type { Database, RootDatabase }

/** May be aborted, and is committed when the call returns. (The binding's enum exists in its types only.) */
const ABORTABLE_AND_SYNCHRONOUS = 3

interface Transactional {
  transactionSync(action: () => void, flags: number): void
}

/** Runs the action in one transaction; a throw leaves nothing behind. */
export function transact(database: RootDatabase<Buffer, string>, action: () => void): void {
  const transactional = database as unknown as Transactional
  transactional.transactionSync(action, ABORTABLE_AND_SYNCHRONOUS)
}
