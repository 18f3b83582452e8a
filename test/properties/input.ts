import { int64 } from '../../src/contracts/codecs.ts'
import type { RawRecord } from '../../src/testing/single-record.ts'

export type InputRecord = Omit<RawRecord, 'offset'> & { readonly topic: string }

/** What comes in, in the order of the log. What is in one list is there before the next one comes. */
export type Inputs = readonly (readonly InputRecord[])[]

/** Out of order, with ties, and with keys and values missing; now and then time leaps. */
export function drawInputs(
  random: () => number,
  topics: readonly string[],
  { parts = 1 + Math.floor(random() * 4), recordsAtMost = 60 } = {},
): Inputs {
  const whole = (below: number) => Math.floor(random() * below)
  const keys = [3, 8, 40][whole(3)] as number
  const disorderMs = [0, 10, 60][whole(3)] as number
  let time = whole(100)
  const record = (): InputRecord => {
    time += whole(4)
    if (random() < 0.01) time += 200
    return {
      topic: topics[whole(topics.length)] as string,
      timestamp: Math.max(0, time - whole(disorderMs + 1)),
      key: random() < 0.03 ? null : Buffer.from(`k${whole(keys)}`),
      value: random() < 0.08 ? null : int64.encode(whole(500)),
      headers: random() < 0.1 ? [{ key: 'h', value: Buffer.of(whole(256)) }] : [],
    }
  }
  return Array.from({ length: parts }, () => Array.from({ length: 5 + whole(recordsAtMost) }, record))
}

/** Fewer and fewer records less: halves, quarters, single ones. */
export function* smallerInputs(inputs: Inputs): Generator<Inputs> {
  const flat = inputs.flatMap((part, index) => part.map(record => ({ record, index })))
  for (let size = Math.ceil(flat.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < flat.length; from += size) {
      const left = flat.filter((_, i) => i < from || i >= from + size)
      yield inputs.map((_, part) => left.filter(({ index }) => index === part).map(({ record }) => record))
    }
  }
}
