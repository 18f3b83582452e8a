/** Runs asynchronous steps one after another, in the order in which they were given. A failed step stops no other. */
export class Serial {
  #previous: Promise<unknown> = Promise.resolve()

  run<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#previous.then(step, step)
    this.#previous = result
    return result
  }
}
