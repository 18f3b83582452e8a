import { seededRandom } from '../../src/internal/random.ts'

/** What random tests draw: a test that used it prints its seed, EVERT_SEED runs it again. */
export class Random {
  readonly seed: number
  readonly #next: () => number

  constructor(seed: number) {
    this.seed = seed
    this.#next = seededRandom(seed)
  }

  /** From EVERT_SEED, or another one at every run. */
  static fromEnvironment(): Random {
    const given = process.env['EVERT_SEED']
    return new Random(given === undefined ? Date.now() % 2 ** 31 : Number(given))
  }

  /** 0 to limit - 1. */
  below(limit: number): number {
    return Math.floor(this.#next() * limit)
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)))
  }

  /** Of any magnitude up to 2^53, either sign. */
  safeInteger(): number {
    const magnitude = Math.floor(this.below(2 ** 32) * 2 ** 21 + this.below(2 ** 21))
    const value = Math.floor(magnitude / 2 ** this.below(54))
    return this.oneIn(2) ? value : 0 - value
  }
}
