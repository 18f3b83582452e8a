import { EvertError } from '../../errors.ts'
import type { StoreOptions } from './options.ts'

/** Of a table whose topic is its changelog, at no cost. Throws INVALID_TOPOLOGY. */
export function assertLogged({ name }: { readonly name: string }, { logged }: StoreOptions): void {
  if (logged !== false) return
  throw new EvertError(
    'INVALID_TOPOLOGY',
    `The table of "${name}" has that topic as its changelog, and writes none of its own. Leave out { logged: false }.`,
  )
}
