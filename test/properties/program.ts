/**
 * A topology as data: steps of the DSL in the order in which they are written, each over earlier ones. What a step
 * does besides is decided by its numbers, so that a program can be drawn, printed, cut down and built again.
 */
export interface Program {
  readonly steps: readonly Step[]
  /** What becomes of records that fail; under `fail` no function throws. */
  readonly onError: 'fail' | 'skip' | 'deadLetter'
}

export interface Step {
  readonly op: string
  /** Indexes of the steps that it takes. */
  readonly from: readonly number[]
  readonly numbers: readonly number[]
}

/** `end`: nothing takes it. */
export type Kind = 'end' | 'stream' | 'table' | 'windows' | 'versioned' | 'global'

/** What the drawing of programs needs to know of an operator. */
export interface Shape {
  readonly takes: readonly Kind[]
  readonly gives: Kind
  /** How often it is drawn. Default 1. */
  readonly weight?: number
}

export const NUMBERS_PER_STEP = 6

export interface ProgramChoice {
  readonly shapes: Readonly<Record<string, Shape>>
  readonly maxOperators: number
  readonly errorPolicies: readonly Program['onError'][]
}

export function drawProgram(random: () => number, choice: ProgramChoice): Program {
  const { shapes, maxOperators, errorPolicies } = choice
  const steps: Step[] = []
  const whole = (below: number) => Math.floor(random() * below)
  const numbers = () => Array.from({ length: NUMBERS_PER_STEP }, () => whole(1_000))
  const add = (op: string, from: readonly number[]) => steps.push({ op, from, numbers: numbers() })
  const kindOf = (index: number) => shapes[(steps[index] as Step).op]?.gives
  const names = Object.keys(shapes)
  const sources = names.filter(name => shapes[name]?.takes.length === 0)
  const operators = names
    .filter(name => shapes[name]?.takes.length !== 0)
    .flatMap(name => Array.from({ length: shapes[name]?.weight ?? 1 }, () => name))
  add('stream', [])
  for (let left = 1 + whole(3); left > 0; left--) add(sources[whole(sources.length)] as string, [])
  for (let left = 2 + whole(maxOperators - 1); left > 0; left--) {
    const op = operators[whole(operators.length)] as string
    const from = shapes[op]?.takes.map(kind => {
      const fitting = steps.map((_, index) => index).filter(index => kindOf(index) === kind)
      // Later ones are likelier: chains rather than fans.
      return fitting[Math.floor(Math.sqrt(random()) * fitting.length)]
    }) as (number | undefined)[]
    if (from.every(index => index !== undefined)) add(op, from)
  }
  return { steps, onError: errorPolicies[whole(errorPolicies.length)] as Program['onError'] }
}

export function printProgram({ steps, onError }: Program): string {
  const lines = steps.map(
    ({ op, from, numbers }, index) => `  ${index}: ${op}(${from.join(', ')}) [${numbers.join(' ')}]`,
  )
  return [`  onError: ${onError}`, ...lines].join('\n')
}

/** Every program with one step less. What took the step takes its input of the same kind, or goes as well. */
export function* smallerPrograms(program: Program, shapes: ProgramChoice['shapes']): Generator<Program> {
  const { steps } = program
  for (let gone = steps.length - 1; gone >= 0; gone--) {
    const { op, from } = steps[gone] as Step
    const instead = from.find(index => shapes[(steps[index] as Step).op]?.gives === shapes[op]?.gives)
    const kept = new Map<number, number>()
    const smaller: Step[] = []
    steps.forEach((step, index) => {
      if (index === gone) {
        const place = instead === undefined ? undefined : kept.get(instead)
        if (place !== undefined) kept.set(index, place)
        return
      }
      const places = step.from.map(each => kept.get(each))
      if (places.some(place => place === undefined)) return
      kept.set(index, smaller.length)
      smaller.push({ ...step, from: places as number[] })
    })
    if (smaller.length > 0) yield { ...program, steps: smaller }
  }
}
