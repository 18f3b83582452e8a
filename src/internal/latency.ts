import { gauge, type MetricDefinition, type MetricLabels, type MetricSheet } from './metric.ts'

/**
 * Counts durations of whole milliseconds, cheaply enough to be asked for every record.
 *
 * Algorithm: a duration falls into one of four buckets per power of two, found by counting leading zeros; a window is
 * the buckets and the sum, least and greatest of half a minute. What was recent is the current window and the one before
 * it; everything before is added up.
 *
 * State: two windows of 120 numbers and the totals. Nothing is allocated after the beginning.
 *
 * Why it is right: a bucket's bounds are at most a quarter apart, so a quantile is at most a quarter too high; counts,
 * sums and extremes are exact (durations below 0 count as 0: a record of the future has not been on its way).
 */
export class Latency {
  readonly #total = new Window()
  #recent = new Window()
  #current = new Window()
  /** When the current window began, on the clock that `turn` is told. */
  #sinceMs = 0

  record(ms: number): void {
    this.#current.record(ms)
  }

  /** Told the time now and then: the window may be over. */
  turn(elapsedMs: number): void {
    if (elapsedMs - this.#sinceMs < WINDOW_MS) return
    // Nobody told for so long that what is in the current window is not recent either.
    const isLongAgo = elapsedMs - this.#sinceMs >= 2 * WINDOW_MS
    this.#sinceMs = elapsedMs
    const cleared = this.#recent
    this.#total.add(this.#current)
    this.#recent = this.#current
    this.#current = cleared
    cleared.clear()
    if (isLongAgo) this.#recent.clear()
  }

  /** Writes the histogram since the beginning and, if there was something, the figures of the last minute. */
  report(sheet: MetricSheet, definitions: LatencyDefinitions, labels: MetricLabels): void {
    const total = new Window()
    total.add(this.#total)
    total.add(this.#current)
    const buckets = total.bounds()
    sheet.add(definitions.histogram, { labels, count: total.count, sum: total.sum, buckets })
    const recent = new Window()
    recent.add(this.#recent)
    recent.add(this.#current)
    if (recent.count === 0) return
    sheet.set(definitions.min, recent.min, labels)
    sheet.set(definitions.avg, recent.sum / recent.count, labels)
    sheet.set(definitions.max, recent.max, labels)
    sheet.set(definitions.p99, recent.quantile(0.99), labels)
  }
}

export interface LatencyDefinitions {
  readonly histogram: MetricDefinition<'histogram'>
  readonly min: MetricDefinition<'gauge'>
  readonly avg: MetricDefinition<'gauge'>
  readonly max: MetricDefinition<'gauge'>
  readonly p99: MetricDefinition<'gauge'>
}

/** `what` is a noun: the time from here to there. */
export function latency(group: string, name: string, what: string): LatencyDefinitions {
  const recent = (suffix: string, word: string): MetricDefinition<'gauge'> =>
    gauge(group, `${name}-${suffix}`, `${word} of the last minute: ${what}.`, 'ms')
  return {
    histogram: {
      group,
      name,
      type: 'histogram',
      unit: 'ms',
      help: `${what[0]?.toUpperCase()}${what.slice(1)}.`,
    },
    min: recent('min', 'Least'),
    avg: recent('avg', 'Mean'),
    max: recent('max', 'Greatest'),
    p99: recent('p99', '99th percentile'),
  }
}

const WINDOW_MS = 30_000
const BUCKETS = 120
/** About 25 days; what takes longer is an old record that is read again. */
const LONGEST_MS = 2 ** 31 - 1
/** Of the histogram that is shown: 131 072 ms. */
const LAST_POWER = 17

class Window {
  count = 0
  sum = 0
  min = Infinity
  max = 0
  readonly #counts = new Float64Array(BUCKETS)

  record(duration: number): void {
    const ms = duration > 0 ? duration : 0
    this.count++
    this.sum += ms
    if (ms < this.min) this.min = ms
    if (ms > this.max) this.max = ms
    const index = bucketOf(ms)
    this.#counts[index] = (this.#counts[index] as number) + 1
  }

  add(other: Window): void {
    this.count += other.count
    this.sum += other.sum
    this.min = Math.min(this.min, other.min)
    this.max = Math.max(this.max, other.max)
    for (let i = 0; i < BUCKETS; i++)
      this.#counts[i] = (this.#counts[i] as number) + (other.#counts[i] as number)
  }

  clear(): void {
    this.count = 0
    this.sum = 0
    this.min = Infinity
    this.max = 0
    this.#counts.fill(0)
  }

  /** Counts up to each power of two. */
  bounds(): [number, number][] {
    const bounds: [number, number][] = []
    let index = 0
    let count = 0
    for (let power = 0; power <= LAST_POWER; power++) {
      const bound = 2 ** power
      for (; index <= bucketOf(bound); index++) count += this.#counts[index] as number
      bounds.push([bound, count])
    }
    return bounds
  }

  /** The upper bound of the bucket in which the quantile is. */
  quantile(q: number): number {
    let left = Math.ceil(this.count * q)
    for (let index = 0; index < BUCKETS; index++) {
      left -= this.#counts[index] as number
      if (left <= 0) return Math.min(upperBoundOf(index), this.max)
    }
    return this.max
  }
}

/** Buckets are open below and closed above, so that powers of two end one: 1, 2, 3, 4, 5, … 8, 10, 12, 14, 16, 20 … */
function bucketOf(ms: number): number {
  const n = ms <= 1 ? 0 : (ms > LONGEST_MS ? LONGEST_MS : Math.ceil(ms)) - 1
  if (n < 4) return n
  const power = 31 - Math.clz32(n)
  return ((power - 1) << 2) + ((n >> (power - 2)) & 3)
}

function upperBoundOf(index: number): number {
  if (index < 4) return index + 1
  const power = (index >> 2) + 1
  return 2 ** power + ((index & 3) + 1) * 2 ** (power - 2)
}
