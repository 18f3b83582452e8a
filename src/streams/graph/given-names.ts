/**
 * Names given in place of generated ones, after operators took those down. What is named after a renamed thing
 * (`<name>-times`, `<name>-repartition`) follows it.
 */
export class GivenNames {
  readonly #given = new Map<string, string>()

  give(generated: string, name: string): void {
    this.#given.set(generated, name)
  }

  has(generated: string): boolean {
    return this.#given.has(generated)
  }

  /** The name for good. */
  of(name: string): string {
    for (const [generated, given] of this.#given) {
      if (isNamedAfter(name, generated)) return given + name.slice(generated.length)
    }
    return name
  }
}

export function isNamedAfter(name: string, other: string): boolean {
  return name === other || name.startsWith(`${other}-`)
}

/** Without the numbers that generated names carry, wherever in it they are. */
export function bareName(name: string): string {
  return name.replace(/-[0-9]{10}(?=-|$)/g, '')
}
