/** The lines of a text file, none of them kept in memory beyond a length: a file without line ends is no danger. */
import { createReadStream } from 'node:fs'

export interface FileLine {
  /** Counted from 1. */
  readonly at: number
  /** Without its end; only the start of a line that is longer than MAX_LINE_LENGTH. */
  readonly text: string
  readonly isOverlong: boolean
}

/** In characters. */
export const MAX_LINE_LENGTH = 64 * 1024

/** Every chunk comes in a turn of the event loop of its own, so that timers and signals have theirs in between. */
export async function* fileLines(file: string): AsyncGenerator<FileLine> {
  let at = 1
  let text = ''
  let length = 0
  // The first half of a line end, perhaps.
  let held = ''
  const add = (piece: string) => {
    length += piece.length
    if (text.length < MAX_LINE_LENGTH) text += piece.slice(0, MAX_LINE_LENGTH - text.length)
  }
  for await (const chunk of createReadStream(file, 'utf8') as AsyncIterable<string>) {
    const all = held + chunk
    held = all.endsWith('\r') ? '\r' : ''
    const pieces = all.slice(0, all.length - held.length).split(/\r\n|\n|\r/)
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) {
        yield { at: at++, text, isOverlong: length > MAX_LINE_LENGTH }
        text = ''
        length = 0
      }
      add(piece)
    }
  }
  if (length > 0) yield { at, text, isOverlong: length > MAX_LINE_LENGTH }
}
