import { AssertionError } from 'node:assert/strict'
import { inspect, isDeepStrictEqual } from 'node:util'

type RecordsByTopic = Readonly<Record<string, readonly object[]>>

/**
 * Throws AssertionError when they differ, with a message of its own: every record is a line, so that one sees which is
 * missing, which is too much, and which is another, whatever the test runner makes of `actual` and `expected`. The
 * stack begins where `caller` was called.
 */
export function assertSameRecords(
  actual: RecordsByTopic,
  expected: RecordsByTopic,
  { seed, caller }: { readonly seed: number | undefined; readonly caller: (...args: never[]) => unknown },
): void {
  if (isDeepStrictEqual(actual, expected)) return
  const lines = Object.keys(expected).flatMap(topic => {
    const [got, wanted] = [actual[topic] ?? [], expected[topic] ?? []]
    return isDeepStrictEqual(got, wanted) ? [] : [`  ${topic}:`, ...difference(got, wanted)]
  })
  throw new AssertionError({
    message: [
      `The topology did not write what was expected (- expected, + written)${seedText(seed)}:`,
      ...lines,
    ].join('\n'),
    actual,
    expected,
    operator: 'then',
    stackStartFn: caller,
  })
}

function seedText(seed: number | undefined): string {
  return seed === undefined ? '' : `; seed ${seed}`
}

/** Both lists as one, by their longest common subsequence. */
function difference(actual: readonly object[], expected: readonly object[]): string[] {
  const [got, wanted] = [actual.map(asLine), expected.map(asLine)]
  const width = wanted.length + 1
  const common = new Uint32Array((got.length + 1) * width)
  const at = (i: number, j: number) => common[i * width + j] as number
  for (let i = got.length - 1; i >= 0; i--) {
    for (let j = wanted.length - 1; j >= 0; j--) {
      common[i * width + j] =
        got[i] === wanted[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  }
  const lines: string[] = []
  let [i, j] = [0, 0]
  while (i < got.length || j < wanted.length) {
    if (i < got.length && j < wanted.length && got[i] === wanted[j]) {
      lines.push(`      ${got[i]}`)
      i++
      j++
    } else if (j < wanted.length && (i === got.length || at(i, j + 1) >= at(i + 1, j))) {
      lines.push(`    - ${wanted[j]}`)
      j++
    } else {
      lines.push(`    + ${got[i]}`)
      i++
    }
  }
  return lines
}

function asLine(record: object): string {
  return inspect(record, {
    depth: Infinity,
    breakLength: Infinity,
    compact: true,
    sorted: true,
    maxArrayLength: null,
    maxStringLength: null,
  })
}
