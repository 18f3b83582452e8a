import type { Processor } from './processor.ts'
import type { StreamRecord } from './stream-record.ts'

/** Where a node's results go: its only child itself, each child in order of declaration, or nowhere. */
export function fanOut(children: readonly Processor[]): Processor {
  const [first, second] = children
  if (first === undefined) return nowhere
  if (second === undefined) return first
  return new FanOut(children)
}

class FanOut implements Processor {
  readonly #children: readonly Processor[]

  constructor(children: readonly Processor[]) {
    this.#children = children
  }

  process(record: StreamRecord): void {
    const children = this.#children
    for (let i = 0; i < children.length; i++) (children[i] as Processor).process(record)
  }
}

/** Nobody takes what goes there. */
export function isNowhere(next: Processor): boolean {
  return next === nowhere
}

const nowhere: Processor = { process() {} }
