import { javaHashOrder } from './java-order.ts'
import type { TopologyNode } from './topology.ts'

export interface OrderedNode {
  readonly node: TopologyNode
  readonly parents: readonly string[]
  readonly children: readonly string[]
}

interface Growing {
  readonly node: TopologyNode
  /** The nodes below it, as far as they are connected: itself included, shared ones counted each time. */
  size: number
  readonly parents: Growing[]
  readonly children: Growing[]
}

/**
 * Nodes, their parents and their children as Kafka Streams lists them (InternalTopologyBuilder#describeSubtopology):
 * with more below them first, then by name. Parents and children take their places while the nodes are connected, in
 * the order of a hash map, and keep them while the sizes still grow.
 */
export function inKafkaOrder(nodes: readonly TopologyNode[]): OrderedNode[] {
  const byName = new Map<string, Growing>()
  for (const node of nodes) byName.set(node.name, { node, size: 1, parents: [], children: [] })
  for (const name of javaHashOrder([...byName.keys()])) {
    const each = byName.get(name) as Growing
    for (const parentName of each.node.parents) {
      const parent = byName.get(parentName) as Growing
      insert(each.parents, parent)
      insert(parent.children, each)
      grow(parent, each.size)
    }
  }
  const names = (list: readonly Growing[]) => list.map(({ node }) => node.name)
  return [...byName.values()]
    .toSorted(compare)
    .map(({ node, parents, children }) => ({ node, parents: names(parents), children: names(children) }))
}

function grow(node: Growing, by: number): void {
  node.size += by
  for (const parent of node.parents) grow(parent, by)
}

/** By the sizes of this moment. */
function insert(list: Growing[], each: Growing): void {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compare(each, list[middle] as Growing) < 0) high = middle
    else low = middle + 1
  }
  list.splice(low, 0, each)
}

function compare(a: Growing, b: Growing): number {
  return b.size - a.size || (a.node.name < b.node.name ? -1 : 1)
}
