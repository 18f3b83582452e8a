import { isNamedAfter } from './given-names.ts'
import type { LayoutChanges, Risk } from './layout-changes.ts'
import type { OperatorLayout, StoreLayout } from './state-layout.ts'

/** What changed in a topology, one fact a line: operators, then stores. */
export function changesInWords({ added, removed, renamed, newStores, retired }: LayoutChanges): string[] {
  return [
    ...limited(added, operator => `added: ${inWords(operator)}`),
    ...limited(removed, operator => `removed: ${inWords(operator)}`),
    ...limited(renamed, ([before, now]) => `renamed: ${before} is now ${now}`),
    ...limited(newStores, store => `new store, which starts empty: ${store.name}`),
    ...limited(
      retired.filter(({ changelog, isSource }) => changelog !== null && !isSource),
      store =>
        `store that is no longer there: ${store.name}; its rows stay in the topic "${store.changelog}"`,
    ),
  ]
}

/** What would be lost or misread, and how not to; one paragraph each. */
export function risksInWords(risks: readonly Risk[]): string[] {
  return limited(
    // What belongs to a store (its times, its index) shares its fate and its remedy.
    risks.filter(risk => !risks.some(other => other !== risk && belongsTo(risk, other))),
    inFull,
  )
}

function inFull(risk: Risk): string {
  switch (risk.kind) {
    case 'orphaned': {
      const { store, successor } = risk
      const emptied = successor === undefined ? '' : `, and ${successor.name} would start empty in its place`
      return `The store ${store.name} would be orphaned, its rows left in the topic "${store.changelog}"${emptied}. ${keepName(store)}`
    }
    case 'moved':
      return (
        `The store ${risk.store.name} would go to another operator: to ${newOwner(risk)}. Give each of them a store of ` +
        "its own name: { store: 'NAME' }; the one that these rows belong to, this name."
      )
    case 'reencoded':
      return (
        `The store ${risk.store.name} would be misread: ${risk.differences.join('; ')}. ` +
        'Change that back; or give the store a new name, under which it starts empty.'
      )
    case 'outdated':
      return (
        `The store ${risk.store.name} would come back as it was when it was there last, without what ` +
        `${risk.main.name} took in since. Delete the topic "${risk.topic}", and it begins anew; to accept the change ` +
        'does that too.'
      )
    case 'rekeyed':
      return (
        `The repartition topic "${risk.topic}" would have its keys in other partitions: they were written as ` +
        `"${risk.before.key}", now as "${risk.now.key}". Change that back; or give the grouping and the stores behind ` +
        'it new names, under which they start empty.'
      )
    case 'unread': {
      const lost = `The repartition topic "${risk.topic}" has records that were not processed yet and would`
      const remedy = 'Start the topology as it was until they are'
      if (risk.now === undefined) return `${lost} never be. ${remedy}, or give the topic its name back.`
      const { before, now } = risk
      return `${lost} be misread: they were written as "${before.value}", and would be read as "${now.value}". ${remedy}.`
    }
    default:
      return assertNever(risk)
  }
}

function newOwner({ before, owner, wentTo, goesTo }: Risk & { readonly kind: 'moved' }): string {
  if (before.name !== owner.name) return `${inWords(owner)}, and was kept by ${inWords(before)}`
  if (before.from.join() !== owner.from.join())
    return `${owner.name}, which now reads ${quoted(owner.from)} and read ${quoted(before.from)}`
  if (wentTo.join() !== goesTo.join())
    return `${owner.name}, whose results now go to ${quoted(goesTo)} and went to ${quoted(wentTo)}`
  return `${owner.name}, which has others like it now or had them, and nothing tells which of them it was`
}

function assertNever(risk: never): never {
  throw new TypeError(`no words for the risk ${JSON.stringify(risk)}`)
}

/** Only a store that takes a name of its own can have this one again. */
function keepName({ name, isGenerated }: StoreLayout): string {
  const isGiven =
    !isGenerated || (/-STATE-STORE-[0-9]{10}$/.test(name) && !name.startsWith('KTABLE-SUPPRESS-'))
  return isGiven
    ? `To keep them, give the store this name: { store: '${name}' }.`
    : 'Its name follows the order of the operators: to keep the rows, declare what was added after it instead of before it.'
}

function belongsTo(risk: Risk, other: Risk): boolean {
  if (risk.kind === 'outdated') return other.kind === 'reencoded' && other.store.name === risk.main.name
  if (risk.kind !== 'orphaned' || other.kind !== 'orphaned') return false
  return risk.store.name !== other.store.name && isNamedAfter(risk.store.name, other.store.name)
}

function inWords({ name, topics: own, from }: OperatorLayout): string {
  if (own.length > 0) return `${name} (${own.join(', ')})`
  return from.length === 0 ? name : `${name} (from ${from.join(', ')})`
}

function quoted(places: readonly string[]): string {
  return places.length === 0 ? 'no named place' : places.map(place => `"${place}"`).join(', ')
}

const MAX_LINES = 20

function limited<T>(list: readonly T[], line: (each: T) => string): string[] {
  const lines = list.slice(0, MAX_LINES).map(line)
  return list.length <= MAX_LINES ? lines : [...lines, `and ${list.length - MAX_LINES} more like the last`]
}
