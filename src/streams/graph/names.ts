import { EvertError } from '../../errors.ts'

/**
 * Names for what the user leaves unnamed, as Kafka Streams makes them: an operator's prefix and one counter for all. An
 * operator that is added or removed renames the unnamed ones after it, so stores and repartition topics that must
 * outlive a change of the topology should be named (a view names those of its table). Where they are not, and a change
 * would cost their state, the next start is refused (runtime/topology-check.ts).
 */
export class NameCounter {
  #next = 0
  readonly #made = new Set<string>()
  readonly #stores = new Set<string>()

  /** `KSTREAM-FILTER-0000000003`, or the given name: a number is spent on it too, so that naming renames no others. */
  operator(prefix: string, given?: string): string {
    const generated = `${prefix}${this.#number()}`
    return given ?? this.note(generated)
  }

  /** `KSTREAM-AGGREGATE-STATE-STORE-0000000003`. */
  store(prefix: string): string {
    const name = `${prefix}STATE-STORE-${this.#number()}`
    this.#stores.add(name)
    return this.note(name)
  }

  /** Takes down a name that was made of a generated one in another way than by writing more behind it. */
  note(name: string): string {
    this.#made.add(name)
    return name
  }

  /** Whether the name was made here, or is one that was made here with more behind it. */
  isMade(name: string): boolean {
    for (const { index } of name.matchAll(/-[0-9]{10}(?=-|$)/g)) {
      if (this.#made.has(name.slice(0, index + 11))) return true
    }
    return this.#made.has(name)
  }

  /** Whether the store's name was made here, or is that of the rows behind a buffer that was named here. */
  madeStore(name: string): boolean {
    return this.#stores.has(name.replace(/-rows$/, ''))
  }

  #number(): string {
    return String(this.#next++).padStart(10, '0')
  }
}

/** Whether the name was made by a counter. */
export function isGeneratedName(name: string): boolean {
  return /^KSTREAM.*-[0-9]{10}$/.test(name)
}

const LEGAL_NAME = /^[a-zA-Z0-9._-]{1,249}$/

/** Names become parts of topic names and follow their rule. Throws INVALID_TOPOLOGY. */
export function assertOperatorName(name: string, what: 'operator' | 'store'): void {
  if (LEGAL_NAME.test(name) && name !== '.' && name !== '..') return
  throw new EvertError(
    'INVALID_TOPOLOGY',
    `The ${what} name ${JSON.stringify(name)} cannot be part of a topic name. Use 1 to 249 of a-z, A-Z, 0-9, ".", "_" and "-".`,
  )
}
