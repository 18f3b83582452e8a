import type { ApplicationCase } from './disturbed-application.ts'
import type { Outcome } from './outcome.ts'

/**
 * What must be the same whichever task came first. Rows have no order. Of a topic the records of each key have one,
 * where its key is the one that decided about the task. Where keys change, records of several tasks meet in an order of
 * their own: rows are then compared without their times, and of what tables write each key's last value.
 */
export function comparable(outcome: Outcome, { flavour, topics }: ApplicationCase): Outcome {
  const compared = new Map<string, string[]>()
  for (const [name, lines] of outcome) {
    // Its rows hold the number of a partition.
    if (flavour === 'rekeyed' && name.includes('FK-JOIN-SUBSCRIPTION')) continue
    if (name.startsWith('store ')) {
      compared.set(
        name,
        (flavour === 'keyed' ? [...lines] : lines.map(withoutTime).filter(isKept)).toSorted(),
      )
    } else if (flavour === 'keyed') {
      compared.set(name, topics.unordered.has(name) ? lines.toSorted() : byKey(lines))
    } else if (topics.unordered.has(name)) {
      compared.set(name, lines.map(withoutTime).toSorted())
    } else {
      compared.set(name, lastByKey(lines))
    }
  }
  // A topic that nothing was written to may be there or not.
  for (const [name, lines] of compared) if (lines.length === 0) compared.delete(name)
  return compared
}

/** A group stays with a count of 0 when its last row has left; those that only passing rows were in may be there. */
const isKept = (line: string) => !line.endsWith(ZERO)
const ZERO = JSON.stringify('\0'.repeat(8))

const keyOf = (line: string) => line.slice(0, line.indexOf(' = '))
const withoutTime = (line: string) => line.slice(0, line.lastIndexOf(' at '))

/** Stable, so that each key's order stays. Records without a key come from anywhere. */
function byKey(lines: readonly string[]): string[] {
  const keyless = lines.filter(line => keyOf(line) === 'null').toSorted()
  const keyed = lines.filter(line => keyOf(line) !== 'null')
  return [...keyless, ...keyed.toSorted((a, b) => compare(keyOf(a), keyOf(b)))]
}

function lastByKey(lines: readonly string[]): string[] {
  const last = new Map(lines.map(line => [keyOf(line), withoutTime(line)]))
  return [...last.values()].filter(line => !line.endsWith('= null') && isKept(line)).toSorted()
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}
