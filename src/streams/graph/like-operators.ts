import { sameTexts } from './align-operators.ts'
import { destinationsOf } from './destinations.ts'
import { bareName } from './given-names.ts'
import type { OperatorLayout, StateLayout } from './state-layout.ts'

/**
 * Whether an operator may have taken the place, and so the generated name, of another one like it.
 *
 * Algorithm: the likes of an operator are those of its type that read a topic of its own and keep rows in stores of
 * generated names and one format. `owner` has its store by right when two likes that keep theirs would not fit better
 * with each other's, and when one that is new or gone would fit worse. What fits follows from where results go and
 * what is directly before.
 *
 * Why it is right: functions are not in a layout, so `filter(a)` and `filter(b)` look the same. Likes that all stay
 * have their order besides; an equal one that comes or goes leaves nothing to tell which of them it is. What has no
 * like is taken for the same operator, whatever happened around it.
 */
export function mayBeOther(
  [before, was]: readonly [StateLayout, OperatorLayout],
  [now, owner]: readonly [StateLayout, OperatorLayout],
): boolean {
  // Layouts of the first releases do not tell where results go.
  if (before.operators.every(({ parents }) => parents === undefined)) return false
  const likesBefore = likesOf(before, was).filter(like => like !== was)
  const likesNow = likesOf(now, owner).filter(like => like !== owner)
  if (likesBefore.length === 0 && likesNow.length === 0) return false
  const [ways, waysNow] = [waysOf(before), waysOf(now)]
  const fit = (one: OperatorLayout, other: OperatorLayout) => fitOf(ways(one), waysNow(other))
  const keeps = (one: OperatorLayout, other: OperatorLayout) =>
    one.stores.some(store => other.stores.includes(store))
  const isGone = (one: OperatorLayout) => !likesNow.some(other => keeps(one, other))
  const isNew = (other: OperatorLayout) => !likesBefore.some(one => keeps(one, other))
  return (
    likesBefore.some(one => isGone(one) && fit(one, owner) >= fit(was, owner)) ||
    likesNow.some(other => isNew(other) && fit(was, other) >= fit(was, owner)) ||
    likesBefore.some(one =>
      likesNow.some(
        other => keeps(one, other) && fit(one, owner) + fit(was, other) > fit(was, owner) + fit(one, other),
      ),
    )
  )
}

function likesOf(
  { operators, stores }: StateLayout,
  { name, from, stores: own }: OperatorLayout,
): OperatorLayout[] {
  const formats = new Map(
    stores
      .filter(store => store.isGenerated)
      .map(({ name: store, key, value }) => [store, `${key} ${value}`]),
  )
  const formatsOf = (names: readonly string[]) => names.map(store => formats.get(store) ?? '').join()
  return operators.filter(
    other =>
      bareName(other.name) === bareName(name) &&
      other.from.some(topic => from.includes(topic)) &&
      formatsOf(other.stores) === formatsOf(own),
  )
}

interface Way {
  readonly after: readonly string[]
  readonly before: readonly string[]
}

function waysOf(layout: StateLayout): (operator: OperatorLayout) => Way {
  const destinations = destinationsOf(layout)
  return ({ name, parents = [] }) => ({
    after: destinations.get(name) ?? [],
    before: parents.map(bareName),
  })
}

/** 0 to 3. */
function fitOf(a: Way, b: Way): number {
  const shared = a.after.filter(place => b.after.includes(place)).length
  const all = a.after.length + b.after.length
  return (all === 0 ? 2 : (4 * shared) / all) + (sameTexts(a.before, b.before) ? 1 : 0)
}
