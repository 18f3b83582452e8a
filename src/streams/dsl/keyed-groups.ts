import type { Plan } from '../graph/plan.ts'

/**
 * The nodes of several groupings that are aggregated into one store. The repartition topic of an unnamed grouping is
 * named after the store; further ones are numbered. (Kafka Streams refuses those.)
 */
export function keyGroups<T>(
  plan: Plan,
  store: string,
  groups: readonly { readonly keyed: (name: string) => T }[],
): T[] {
  let named = 0
  return groups.map(({ keyed }) => {
    const name = named === 0 ? store : `${store}-${named + 1}`
    const result = keyed(name)
    if (plan.repartitions.at(-1)?.name === `${name}-repartition`) named++
    return result
  })
}
