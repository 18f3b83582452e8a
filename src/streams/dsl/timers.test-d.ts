import { int64, string } from '../../contracts/codecs.ts'
import { topic } from '../../contracts/topic.ts'
import { StreamsBuilder } from './streams-builder.ts'
import { keyedTimers } from './timers.ts'

declare function expectType<T>(value: T): T

const stream = new StreamsBuilder().stream(topic('in', { key: string, value: string }))
const plain = keyedTimers('plain', { key: string })
const loaded = keyedTimers('loaded', { key: int64, payload: string, time: 'wall' })

// Keys and payloads are inferred; timers without a payload take none.
stream.process({
  stores: { plain, loaded },
  create: ({ stores, forward }) => {
    stores.plain.onTimer((key, atMs) => forward(expectType<string>(key), String(expectType<number>(atMs))))
    stores.loaded.onTimer((key, _atMs, payload) => {
      expectType<number>(key)
      expectType<string>(payload)
    })
    return () => {
      stores.plain.set('a', 5)
      stores.loaded.set(1, 5, 'payload')
      // @ts-expect-error: it has no payload
      stores.plain.set('a', 5, 'payload')
      // @ts-expect-error: it needs its payload
      stores.loaded.set(1, 5)
      // @ts-expect-error: its keys are numbers
      stores.loaded.delete('a')
      // @ts-expect-error: a callback is done when it returns
      stores.plain.onTimer(async () => {})
    }
  },
})

// @ts-expect-error: there are two kinds of time
keyedTimers('other', { key: string, time: 'event' })
