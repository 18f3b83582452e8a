import { partitionFor } from '../../src/records/partitioner.ts'
import { type ApplicationCase, PARTITIONS } from './disturbed-application.ts'
import type { Outcome } from './outcome.ts'
import { errorPolicyOf, plainTask } from './plain-task.ts'
import { TooManyRecords } from './simulated-log.ts'
import { runSimulated } from './simulated-run.ts'
import { comparable } from './comparable.ts'

const MAX_RECORDS = 15_000

/**
 * What undisturbed tasks leave. Where keys are kept, the partitions have nothing to do with each other: each is a run of
 * its own. Where only sums are compared, partitions do not matter, and one run does. Undefined: it would be too large.
 */
export async function expectedOf(drawn: ApplicationCase): Promise<Outcome | undefined> {
  const { topology, inputs, flavour, program } = drawn
  const globals = new Set(topology.globalTables.map(({ topic }) => topic))
  const partitions = flavour === 'keyed' ? PARTITIONS : 1
  const parts: Outcome[] = []
  for (let partition = 0; partition < partitions; partition++) {
    const here = inputs.map(part =>
      part.filter(
        ({ topic, key }) =>
          globals.has(topic) ||
          partitions === 1 ||
          partitionFor(key ?? Buffer.alloc(0), PARTITIONS) === partition,
      ),
    )
    try {
      parts.push(await runSimulated(topology, here, plainTask(errorPolicyOf(program)), MAX_RECORDS))
    } catch (error) {
      if (error instanceof TooManyRecords) return undefined
      throw error
    }
  }
  const inputTopics = new Set(inputs.flat().map(({ topic }) => topic))
  const outcome = new Map<string, string[]>()
  for (const part of parts) {
    for (const [name, lines] of part) {
      if (
        inputTopics.has(name.slice('topic '.length)) ||
        name.endsWith('-topic') ||
        name.endsWith('-repartition')
      )
        continue
      outcome.set(name, [...(outcome.get(name) ?? []), ...lines])
    }
  }
  return comparable(outcome, drawn)
}
