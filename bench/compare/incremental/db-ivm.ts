import { D2, groupBy, groupByOperators, join, MultiSet, output } from '@tanstack/db-ivm'
import { type Entry, type MultisetEngine, multisetWorks } from './multiset-works.ts'

const engine: MultisetEngine = {
  countGraph(onChange) {
    const graph = new D2()
    const input = graph.newInput<Entry>()
    input.pipe(
      groupBy(([key]) => ({ key }), { count: groupByOperators.count() }),
      output((changes: MultiSet<[string, { key: string; count: number }]>) => {
        for (const [[, row], multiplicity] of changes.getInner()) onChange(row.key, row.count, multiplicity)
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
