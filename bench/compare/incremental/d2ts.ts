import { count, D2, join, map, type Message, MessageType, MultiSet, output } from '@electric-sql/d2ts'
import { type Entry, type MultisetEngine, multisetWorks } from './multiset-works.ts'

/** Every batch is a version, and complete when it was sent. */
const engine: MultisetEngine = {
  countGraph(onChange) {
    const graph = new D2({ initialFrontier: 0 })
    const input = graph.newInput<Entry>()
    input.pipe(
      map(([key]) => [key, 1] as [string, number]),
      count(),
      output((message: Message<[string, number]>) => {
        if (message.type !== MessageType.DATA) return
        for (const [[key, value], multiplicity] of message.data.collection.getInner()) {
          onChange(key, value, multiplicity)
        }
      }),
    )
    graph.finalize()
    let version = 0
    return {
      sendLeft(changes) {
        input.sendData(version++, new MultiSet(changes))
        input.sendFrontier(version)
      },
      sendRight() {},
      run: () => graph.run(),
    }
  },

  joinGraph(onChange) {
    const graph = new D2({ initialFrontier: 0 })
    const left = graph.newInput<Entry>()
    const right = graph.newInput<Entry>()
    left.pipe(
      join(right),
      output((message: Message<[string, [unknown, unknown]]>) => {
        if (message.type !== MessageType.DATA) return
        for (const [[key, pair], multiplicity] of message.data.collection.getInner()) {
          onChange(key, pair[0], pair[1], multiplicity)
        }
      }),
    )
    graph.finalize()
    let version = 0
    const advance = (): void => {
      version++
      left.sendFrontier(version)
      right.sendFrontier(version)
    }
    return {
      sendLeft(changes) {
        left.sendData(version, new MultiSet(changes))
        advance()
      },
      sendRight(changes) {
        right.sendData(version, new MultiSet(changes))
        advance()
      },
      run: () => graph.run(),
    }
  },
}

export const works = multisetWorks(engine)
