import { EvertError } from '../../src/errors.ts'
import { StreamsBuilder } from '../../src/streams/dsl/streams-builder.ts'
import type { Topology } from '../../src/streams/graph/topology.ts'
import { operators, topicOf, writeOut } from './operators.ts'
import type { Kind, Program } from './program.ts'

/** Streams that nothing takes end in a topic, and of tables some; undefined for what the DSL refuses, with reason. */
export function buildProgram(
  program: Program,
  { keepsKeys = false, isTimeless = false } = {},
): Topology | undefined {
  const builder = new StreamsBuilder()
  const { steps, onError } = program
  const handles: unknown[] = []
  try {
    for (const [index, step] of steps.entries()) {
      const taken = step.from.map(each => handles[each])
      const isBrittle = onError !== 'fail' && !isTimeless
      const site = { builder, taken, step, index, isBrittle, keepsKeys, isTimeless }
      handles.push(operators[step.op]?.build(site))
    }
    for (const [index, step] of steps.entries()) {
      const kind = operators[step.op]?.gives as Kind
      const isTaken = steps.some(({ from }) => from.includes(index))
      const isShown = kind === 'stream' ? !isTaken : (step.numbers[5] as number) % 3 !== 0
      if (isShown) writeOut(kind, handles[index], topicOf(step, 'out'))
    }
    return builder.build('random')
  } catch (error) {
    if (error instanceof EvertError && error.code === 'INVALID_TOPOLOGY') return undefined
    throw error
  }
}
