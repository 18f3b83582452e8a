import { type Alignment, alignOperators } from './align-operators.ts'
import { destinationsOf } from './destinations.ts'
import { isNamedAfter } from './given-names.ts'
import { mayBeOther } from './like-operators.ts'
import type { OperatorLayout, RepartitionLayout, StateLayout, StoreLayout } from './state-layout.ts'

/** What differs between the layouts of two versions of a topology. */
export interface LayoutChanges extends Pick<Alignment, 'added' | 'removed'> {
  /** Operators that are the same under another name. */
  readonly renamed: readonly (readonly [before: string, now: string])[]
  /** Stores that are new and take over from none. */
  readonly newStores: readonly StoreLayout[]
  /** Stores that are gone, and nothing suggests that another was to take over. */
  readonly retired: readonly StoreLayout[]
  /** What would lose or misread state, if there is any. */
  readonly risks: readonly Risk[]
}

/** Whether it is one, depends on what `topic` holds. */
export type Risk =
  /** Nobody opens the store any more. `successor` starts empty and looks like what it became. */
  | {
      readonly kind: 'orphaned'
      readonly topic: string
      readonly store: StoreLayout
      readonly successor: StoreLayout | undefined
    }
  /** A store of this name now belongs to another operator, `owner`. */
  | {
      readonly kind: 'moved'
      readonly topic: string
      readonly store: StoreLayout
      readonly before: OperatorLayout
      readonly owner: OperatorLayout
      /** Where the results of both go, see destinations.ts. */
      readonly wentTo: readonly string[]
      readonly goesTo: readonly string[]
    }
  /** Rows of the store, or where they are restored from, are of another format now. */
  | {
      readonly kind: 'reencoded'
      readonly topic: string
      readonly store: StoreLayout
      readonly differences: readonly string[]
    }
  /** It belongs to the rows of `main`, which were kept without it for a while: what it has from before is void. */
  | {
      readonly kind: 'outdated'
      readonly topic: string
      readonly store: StoreLayout
      readonly main: StoreLayout
    }
  /** Keys of a repartition topic are written in another way: they lie in other partitions now. */
  | {
      readonly kind: 'rekeyed'
      readonly topic: string
      readonly now: RepartitionLayout
      readonly before: RepartitionLayout
    }
  /** Its records that are not processed yet are read no more, or by another codec. */
  | {
      readonly kind: 'unread'
      readonly topic: string
      readonly before: RepartitionLayout
      readonly now: RepartitionLayout | undefined
    }

export function compareLayouts(before: StateLayout, now: StateLayout): LayoutChanges {
  const { kept, removed, added } = alignOperators(before, now)
  const stores = new Map(now.stores.map(store => [store.name, store]))
  const known = new Map(before.stores.map(store => [store.name, store]))
  const starting = now.stores.filter(store => !known.has(store.name))
  const successors = successorsOf(before, now, kept)
  const gone = before.stores.filter(store => !stores.has(store.name))
  const risks: Risk[] = []
  const retired: StoreLayout[] = []
  for (const store of gone) {
    const successor = successors.get(store.name)
    // Rows that are the topic's own are restored under any name; and a store without a changelog kept them nowhere.
    if (store.changelog === null || store.isSource) retired.push(store)
    // Behind a generated name that is gone may be any operator: only a name that was given is retired for sure.
    else if (store.isGenerated || successor !== undefined) {
      risks.push({ kind: 'orphaned', topic: store.changelog, store, successor })
    } else retired.push(store)
  }
  for (const store of before.stores) {
    const same = stores.get(store.name)
    if (same === undefined || store.changelog === null) continue
    const differences = differencesOf(store, same)
    if (differences.length > 0) {
      risks.push({ kind: 'reencoded', topic: store.changelog, store, differences })
    } else if (store.isGenerated && !store.isSource) {
      const moved = movedOwner({ before, now, kept }, store)
      if (moved !== undefined) risks.push({ kind: 'moved', topic: store.changelog, store, ...moved })
    }
  }
  for (const store of starting) {
    const main = now.stores.find(other => known.has(other.name) && isBeside(now, store, other))
    if (main === undefined || store.changelog === null || store.isSource) continue
    risks.push({ kind: 'outdated', topic: store.changelog, store, main })
  }
  for (const topic of before.repartitions) {
    const same = now.repartitions.find(each => each.name === topic.name)
    if (same !== undefined && same.key !== topic.key) {
      risks.push({ kind: 'rekeyed', topic: topic.topic, before: topic, now: same })
    } else if (same === undefined || same.value !== topic.value) {
      risks.push({ kind: 'unread', topic: topic.topic, before: topic, now: same })
    }
  }
  const taken = new Set(risks.map(risk => (risk.kind === 'orphaned' ? risk.successor?.name : undefined)))
  return {
    added,
    removed,
    renamed: kept
      .filter(([one, other]) => one.name !== other.name)
      .map(([one, other]) => [one.name, other.name]),
    newStores: starting.filter(store => !taken.has(store.name)),
    retired,
    risks,
  }
}

/** For stores that are gone, the new ones that their operators have in their place. */
function successorsOf(
  before: StateLayout,
  now: StateLayout,
  kept: Alignment['kept'],
): ReadonlyMap<string, StoreLayout> {
  const known = new Set(before.stores.map(store => store.name))
  const [ownedBefore, ownedNow] = [ownedStores(before), ownedStores(now)]
  const successors = new Map<string, StoreLayout>()
  const pair = (old: readonly StoreLayout[], fresh: readonly StoreLayout[]) => {
    for (const [index, store] of old.entries()) {
      const other = fresh[index]
      if (other === undefined || known.has(other.name) || store.kind !== other.kind) continue
      successors.set(store.name, other)
    }
  }
  for (const [one, other] of kept) pair(ownedBefore.get(one.name) ?? [], ownedNow.get(other.name) ?? [])
  // An operator that was given another name together with its store: the only one of its form that is new.
  const isLeft = (store: StoreLayout) => !now.stores.some(({ name }) => name === store.name)
  for (const store of before.stores.filter(isLeft)) {
    if (successors.has(store.name)) continue
    const taken = new Set([...successors.values()].map(({ name }) => name))
    const alike = now.stores.filter(
      other =>
        !known.has(other.name) &&
        !taken.has(other.name) &&
        differencesOf(store, other, ['changelog']).length === 0,
    )
    if (alike.length === 1) successors.set(store.name, alike[0] as StoreLayout)
  }
  return successors
}

/** Stores by the first operator that opens them. */
function ownedStores({ operators, stores }: StateLayout): ReadonlyMap<string, StoreLayout[]> {
  const byName = new Map(stores.map(store => [store.name, store]))
  const owned = new Map<string, StoreLayout[]>()
  for (const operator of operators) {
    const own: StoreLayout[] = []
    for (const name of operator.stores) {
      const store = byName.get(name)
      if (store !== undefined) own.push(store)
      byName.delete(name)
    }
    owned.set(operator.name, own)
  }
  return owned
}

/** An operator keeps it together with the rows, and under their name with more behind it. */
function isBeside({ operators }: StateLayout, store: StoreLayout, rows: StoreLayout): boolean {
  if (store.name === rows.name || !isNamedAfter(store.name, rows.name)) return false
  return operators.some(({ stores }) => stores.includes(store.name) && stores.includes(rows.name))
}

/** Generated names alone do not tell that an operator is still the one that it was. */
function movedOwner(
  { before, now, kept }: { before: StateLayout; now: StateLayout; kept: Alignment['kept'] },
  { name }: StoreLayout,
): Pick<Risk & { kind: 'moved' }, 'before' | 'owner' | 'wentTo' | 'goesTo'> | undefined {
  const was = before.operators.find(operator => operator.stores.includes(name))
  const owner = now.operators.find(operator => operator.stores.includes(name))
  if (was === undefined || owner === undefined) return undefined
  const readsOthers = was.from.length > 0 && !was.from.some(topic => owner.from.includes(topic))
  const [, goesOnAs] = kept.find(([one]) => one.name === was.name) ?? []
  const hasOther = goesOnAs !== undefined && goesOnAs.stores.length > 0 && !goesOnAs.stores.includes(name)
  if (!readsOthers && !hasOther && !mayBeOther([before, was], [now, owner])) return undefined
  const wentTo = destinationsOf(before).get(was.name) ?? []
  return { before: was, owner, wentTo, goesTo: destinationsOf(now).get(owner.name) ?? [] }
}

function differencesOf(before: StoreLayout, now: StoreLayout, except: readonly string[] = []): string[] {
  const differences: string[] = []
  if (before.kind !== now.kind) differences.push(`it was a ${before.kind} store and is a ${now.kind} store`)
  if (before.key !== now.key)
    differences.push(`its keys were written as "${before.key}", now as "${now.key}"`)
  if (before.value !== now.value) {
    differences.push(`its values were written as "${before.value}", now as "${now.value}"`)
  }
  // From an own changelog to the source topic nothing is lost: that topic has all rows.
  if (!except.includes('changelog') && before.changelog !== now.changelog && !now.isSource) {
    differences.push(
      `its rows were kept in the topic "${before.changelog}", now ${now.changelog === null ? 'nowhere' : `in "${now.changelog}"`}`,
    )
  }
  return differences
}
