/** Checks what was read against what was written: the guarantees of transactions, as findings about a history. */

/** What became of a transaction, as its writer knows it. */
export type Outcome = 'committed' | 'aborted' | 'unknown'

export interface Write {
  /** Who wrote it: writes of one writer to one partition keep their order. */
  readonly writer: string
  /** Names the record. After an abort another transaction may write it again. */
  readonly id: string
  readonly partition: number
  readonly transaction: string
}

export interface Read {
  readonly partition: number
  readonly offset: number
  readonly id: string
  /** The transaction that wrote what was read, as the record itself tells. */
  readonly transaction: string
}

export interface History {
  /** Each writer's in the order in which it wrote. */
  readonly writes: readonly Write[]
  readonly outcomes: ReadonlyMap<string, Outcome>
  /** Read committed, in any order: offsets tell. */
  readonly reads: readonly Read[]
}

/**
 * - `lost-write`: committed and not read
 * - `duplicate`: read more than once
 * - `aborted-read`: read, but its transaction was aborted
 * - `phantom-read`: read and never written
 * - `misplaced`: read from another partition than it was written to
 * - `reordered`: read after what its writer wrote to the partition later
 * - `torn-transaction`: some of a transaction of unknown outcome was read, and some was not
 */
export type FindingKind =
  | 'lost-write'
  | 'duplicate'
  | 'aborted-read'
  | 'phantom-read'
  | 'misplaced'
  | 'reordered'
  | 'torn-transaction'

export interface Finding {
  readonly kind: FindingKind
  readonly id: string
  readonly detail: string
}

/** Everything that is wrong with a history; empty when all guarantees hold. */
export function checkHistory({ writes, outcomes, reads }: History): Finding[] {
  const findings: Finding[] = []
  const written = new Map<string, Written>()
  for (const [index, write] of writes.entries()) {
    const outcome = outcomes.get(write.transaction) ?? 'unknown'
    const known = written.get(write.id)
    // What may have become visible decides over what was aborted before it.
    if (known === undefined || outcome !== 'aborted') written.set(write.id, { ...write, index, outcome })
  }
  const seen = new Set<string>()
  const newest = new Map<string, Written>()
  for (const read of reads.toSorted((a, b) => a.partition - b.partition || a.offset - b.offset)) {
    const { id, partition, offset, transaction } = read
    const place = `partition ${partition}, offset ${offset}`
    const write = written.get(id)
    if (write === undefined) {
      findings.push({ kind: 'phantom-read', id, detail: `${place} was never written` })
      continue
    }
    if (outcomes.get(transaction) === 'aborted') {
      findings.push({ kind: 'aborted-read', id, detail: `${place} is of ${transaction}, which was aborted` })
      continue
    }
    if (seen.has(id)) {
      findings.push({ kind: 'duplicate', id, detail: `${place} was read before` })
      continue
    }
    seen.add(id)
    if (write.partition !== partition) {
      findings.push({ kind: 'misplaced', id, detail: `${place} was written to partition ${write.partition}` })
      continue
    }
    const order = `${partition}/${write.writer}`
    const before = newest.get(order)
    if (before !== undefined && before.index > write.index) {
      findings.push({ kind: 'reordered', id, detail: `${place} comes behind ${before.id}, written later` })
    } else newest.set(order, write)
  }
  return [...findings, ...unread(written, seen)]
}

interface Written extends Write {
  readonly index: number
  readonly outcome: Outcome
}

function unread(written: ReadonlyMap<string, Written>, seen: ReadonlySet<string>): Finding[] {
  const findings: Finding[] = []
  const partlyRead = new Set<string>()
  for (const { id, transaction, outcome } of written.values()) {
    if (outcome === 'unknown' && seen.has(id)) partlyRead.add(transaction)
  }
  for (const { id, partition, transaction, outcome } of written.values()) {
    if (seen.has(id)) continue
    if (outcome === 'committed') {
      findings.push({
        kind: 'lost-write',
        id,
        detail: `${transaction} committed it to partition ${partition}`,
      })
    } else if (outcome === 'unknown' && partlyRead.has(transaction)) {
      findings.push({ kind: 'torn-transaction', id, detail: `others of ${transaction} were read` })
    }
  }
  return findings
}
