declare const why: unique symbol

/** What nothing is. Where a type asks for it, the editor shows the words: the call makes no sense there. */
export interface Refused<Words extends string> {
  readonly [why]: Words
}
