import { EvertError } from '../../errors.ts'
import type { ErrorPolicy } from '../processors/error-policy.ts'
import type { SourceNode, Topology } from '../graph/topology.ts'
import { deadLetterTopics, rulesOf } from './error-rules.ts'

/**
 * Throws INVALID_TOPOLOGY when a record that fails could come back for ever: its dead letter goes to an input of the
 * application whose own dead letters lead there again. An input that is fed with the letters of others and skips, or
 * has another topic for what fails in it, is none. What functions decide is not known here.
 */
export function refuseDeadLetterLoops(topology: Topology, policy: ErrorPolicy | undefined): void {
  const letters = lettersOfInputs(topology, policy)
  for (const [input, named] of letters) {
    for (const letter of named) {
      if (reaches(letters, letter, input)) throw loop(input, letter)
    }
  }
}

/** Which topics the dead letters of each input are named to go to. */
function lettersOfInputs(
  topology: Topology,
  policy: ErrorPolicy | undefined,
): Map<string, readonly string[]> {
  const general = rulesOf(policy)
  const nodes = topology.subTopologies.flatMap(part => part.nodes)
  const sources = nodes.filter((node): node is SourceNode => node.kind === 'source')
  return new Map([
    ...topology.globalTables.map(({ topic }) => [topic, deadLetterTopics([general])] as const),
    ...sources.flatMap(source => {
      const named = deadLetterTopics([rulesOf(source.onError, general)])
      return source.topics.map(topic => [topic, named] as const)
    }),
  ])
}

function reaches(letters: ReadonlyMap<string, readonly string[]>, from: string, to: string): boolean {
  const seen = new Set([from])
  for (const topic of seen) {
    if (topic === to) return true
    for (const next of letters.get(topic) ?? []) seen.add(next)
  }
  return false
}

function loop(input: string, letter: string): EvertError {
  return new EvertError(
    'INVALID_TOPOLOGY',
    `Dead letters of the input "${input}" go to "${letter}", which this application reads, and from there to ` +
      `"${input}" again: a record that fails would come back for ever. Choose a topic that it does not read, or give ` +
      `the stream of "${letter}" an onError of its own, such as "skip".`,
  )
}
