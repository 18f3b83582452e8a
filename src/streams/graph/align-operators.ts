import type { OperatorLayout } from './state-layout.ts'

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
 * type (which for a given name is the name), better with one that also reads the same topics.
 *
 * Why it is right: a person edits a topology as text, and operators are listed in the order of that text. Where two
 * alignments are equally good the answer is a guess; whoever decides by it must not lose state on a wrong one.
 */
export function alignOperators(before: readonly OperatorLayout[], now: readonly OperatorLayout[]): Alignment {
  const width = now.length + 1
  const best = new Uint32Array((before.length + 1) * width)
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      const weight = weightOf(before[i] as OperatorLayout, now[j] as OperatorLayout)
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
    const weight = weightOf(one, other)
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

/** 0: not the same operator. */
function weightOf(before: OperatorLayout, now: OperatorLayout): number {
  if (before.type !== now.type) return 0
  if (before.name === before.type) return 8
  const isEnd = before.topics.length > 0
  if (isEnd && !isInternalPair(before, now) && !sameTexts(before.topics, now.topics)) return 0
  return 2 + (sameTexts(before.from, now.from) ? 2 : 0) + (before.name === now.name ? 1 : 0)
}

/** Topics of generated names have other numbers. */
function isInternalPair(before: OperatorLayout, now: OperatorLayout): boolean {
  const bare = ({ topics }: OperatorLayout) => topics.map(topic => topic.replace(/-[0-9]{10}-/, '-'))
  return sameTexts(bare(before), bare(now))
}

export function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i])
}
