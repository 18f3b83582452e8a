import { D2, join, map, MultiSet, output, reduce } from '@tanstack/db-ivm'
import { type Entry, type MultisetEngine, multisetWorks } from './multiset-works.ts'

const engine: MultisetEngine = {
  countGraph(onChange) {
    const graph = new D2()
    const input = graph.newInput<Entry>()
    input.pipe(
      map(([key]) => [key, 1] as [string, number]),
      reduce((values: [unknown, number][]) => [[sumOf(values), 1]] as [number, number][]),
      output((changes: MultiSet<[string, number]>) => {
        for (const [[key, count], multiplicity] of changes.getInner()) onChange(key, count, multiplicity)
      }),
    )
    graph.finalize()
    return {
      sendLeft: changes => input.sendData(new MultiSet(changes)),
      sendRight() {},
      run: () => graph.run(),
    }
  },

  joinGraph(onChange) {
    const graph = new D2()
    const left = graph.newInput<Entry>()
    const right = graph.newInput<Entry>()
    left.pipe(
      join(right),
      output((changes: MultiSet<[string, [unknown, unknown]]>) => {
        for (const [[key, pair], multiplicity] of changes.getInner()) {
          onChange(key, pair[0], pair[1], multiplicity)
        }
      }),
    )
    graph.finalize()
    return {
      sendLeft: changes => left.sendData(new MultiSet(changes)),
      sendRight: changes => right.sendData(new MultiSet(changes)),
      run: () => graph.run(),
    }
  },
}

export const works = multisetWorks(engine)

function sumOf(values: readonly [unknown, number][]): number {
  let sum = 0
  for (const [, multiplicity] of values) sum += multiplicity
  return sum
}
