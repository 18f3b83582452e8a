import { destinationsOf } from './destinations.ts'
import { bareName } from './given-names.ts'
import type { OperatorLayout, StateLayout } from './state-layout.ts'

export interface Alignment {
  /** Operators that are in both, old and new; their names may differ. */
  readonly kept: readonly (readonly [before: OperatorLayout, now: OperatorLayout])[]
  readonly removed: readonly OperatorLayout[]
  readonly added: readonly OperatorLayout[]
}

/**
 * Finds which operators of two versions of a topology are the same ones, whatever numbers their names carry.
 *
 * Algorithm: the longest common subsequence of both lists in their order, weighted: an operator goes with one of its
 * type (which for a given name is the name), better with one that also reads the same topics, still better with one
 * whose results go to the same places. That counts for more than to be in the same place of the list, so that of two
 * like branches that changed places one at least is found again.
 *
 * Why it is right: a person edits a topology as text, and operators are listed in the order of that text. Where two
 * alignments are equally good the answer is a guess; whoever decides by it must not lose state on a wrong one.
 */
export function alignOperators(layoutBefore: StateLayout, layoutNow: StateLayout): Alignment {
  const before = layoutBefore.operators
  const now = layoutNow.operators
  const [ends, endsNow] = [endsOf(layoutBefore), endsOf(layoutNow)]
  const weights = (one: OperatorLayout, other: OperatorLayout) =>
    weightOf(one, other, ends.get(one.name) === endsNow.get(other.name))
  const width = now.length + 1
  const best = new Uint32Array((before.length + 1) * width)
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      const weight = weights(before[i] as OperatorLayout, now[j] as OperatorLayout)
      const paired = weight === 0 ? 0 : weight + at(best, (i + 1) * width + j + 1)
      best[i * width + j] = Math.max(paired, at(best, (i + 1) * width + j), at(best, i * width + j + 1))
    }
  }
  const kept: [OperatorLayout, OperatorLayout][] = []
  const removed: OperatorLayout[] = []
  const added: OperatorLayout[] = []
  let i = 0
  let j = 0
  while (i < before.length && j < now.length) {
    const [one, other] = [before[i] as OperatorLayout, now[j] as OperatorLayout]
    const weight = weights(one, other)
    const whole = at(best, i * width + j)
    if (weight > 0 && whole === weight + at(best, (i + 1) * width + j + 1)) {
      kept.push([one, other])
      i++
      j++
    } else if (whole === at(best, (i + 1) * width + j)) {
      removed.push(one)
      i++
    } else {
      added.push(other)
      j++
    }
  }
  return { kept, removed: [...removed, ...before.slice(i)], added: [...added, ...now.slice(j)] }
}

function at(table: Uint32Array, index: number): number {
  return table[index] as number
}

/** Per operator a text for the places that its results go to. */
function endsOf(layout: StateLayout): ReadonlyMap<string, string> {
  return new Map([...destinationsOf(layout)].map(([name, places]) => [name, places.join()]))
}

/** 0: not the same operator. */
function weightOf(before: OperatorLayout, now: OperatorLayout, endsAlike: boolean): number {
  const type = bareName(before.name)
  if (type !== bareName(now.name)) return 0
  if (before.name === type) return 16
  const isEnd = before.topics.length > 0
  if (isEnd && !sameTexts(before.topics.map(bareName), now.topics.map(bareName))) return 0
  return (
    2 + (endsAlike ? 8 : 0) + (sameTexts(before.from, now.from) ? 2 : 0) + (before.name === now.name ? 1 : 0)
  )
}

export function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i])
}
