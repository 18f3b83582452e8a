/** The rows of a join as changes of a multiset build it up: what a program that uses such an engine keeps. */
export class JoinedRows {
  readonly #rows = new Map<string, { left: unknown; right: unknown; count: number }[]>()

  add(key: string, left: unknown, right: unknown, multiplicity: number): void {
    const rows = this.#rows.get(key)
    if (rows === undefined) {
      this.#rows.set(key, [{ left, right, count: multiplicity }])
      return
    }
    const index = rows.findIndex(row => row.left === left && row.right === right)
    if (index < 0) {
      rows.push({ left, right, count: multiplicity })
      return
    }
    const row = rows[index] as { count: number }
    row.count += multiplicity
    if (row.count === 0) rows.splice(index, 1)
  }

  *lines(): Generator<string> {
    for (const [key, rows] of this.#rows) {
      for (const { left, right, count } of rows)
        yield joinedLine(key, left, right) + (count === 1 ? '' : ` × ${count}`)
    }
  }
}

export function joinedLine(key: string, left: unknown, right: unknown): string {
  return `${key} ${JSON.stringify(left)} ${JSON.stringify(right)}`
}

/** Of the works whose result is a number per key. */
export function* numberLines(numbers: ReadonlyMap<string, number>): Generator<string> {
  for (const [key, number] of numbers) yield `${key} ${number}`
}
