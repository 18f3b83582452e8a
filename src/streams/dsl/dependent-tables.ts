import { EvertError } from '../../errors.ts'
import type { PlanNode } from '../graph/plan.ts'

/** A member of a join of tables: where its changes come from, and the stores that its rows are read from. */
export interface TableMember {
  readonly name: string
  readonly node: PlanNode
  readonly stores: readonly string[]
}

/**
 * A join of tables takes their changes one at a time, each with the rows of the others as they are. That is the whole
 * difference only if no row of another changes between a change and its arrival here, as the rows of a table do that
 * is computed from the same rows, or behind them within the same sub-topology. Throws INVALID_TOPOLOGY for such two.
 */
export function assertIndependent(join: string, members: readonly TableMember[]): void {
  for (const one of members) {
    for (const other of members) {
      if (one === other || !dependsOn(other, one)) continue
      throw new EvertError(
        'INVALID_TOPOLOGY',
        `The join "${join}" has the members "${one.name}" and "${other.name}", whose rows change with one and the same ` +
          `record. Leave "${other.name}" out, and compute what it has in the joiner; or give it rows of its own time, ` +
          `behind a topic: ${other.name}.toStream().repartition().toTable().`,
      )
    }
  }
}

function dependsOn(table: TableMember, root: TableMember): boolean {
  if (root.stores.some(store => table.stores.includes(store))) return true
  const upstream = withAncestors(table.node)
  for (const node of withAncestors(root.node)) {
    const opens = node.kind === 'processor' ? node.stores() : []
    if (upstream.has(node) && opens.some(store => root.stores.includes(store))) return true
  }
  return false
}

/** All nodes that pass records on to it at once, and itself. What comes through a topic comes later. */
function withAncestors(node: PlanNode, found = new Set<PlanNode>()): ReadonlySet<PlanNode> {
  if (found.has(node)) return found
  found.add(node)
  for (const parent of node.parents) withAncestors(parent, found)
  return found
}
