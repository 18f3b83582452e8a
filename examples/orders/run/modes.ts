/** What `npm start` does once everything runs: place so many orders, import a file, or go on until it is stopped. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Totals } from '../audit.ts'
import { deadLetters } from '../contracts.ts'
import { generate } from '../generate/generator.ts'
import { type ImportFigures, type ImportTarget, importFile } from '../import/import-file.ts'
import { figuresOf, settled, totals } from './figures.ts'
import { bar, type StatusLine } from './progress.ts'

export interface RunContext {
  readonly url: string
  readonly target: ImportTarget
  readonly line: StatusLine
  /** Whether bars are drawn. */
  readonly drawn: boolean
  readonly seed: number
  readonly rate: number | undefined
  readonly signal: AbortSignal
}

export interface Outcome {
  /** In one line. */
  readonly figures: string
  /** Promises that do not hold. */
  readonly faults: readonly string[]
  /** What was refused, in lines. */
  readonly refusals: readonly string[]
  /** Whether nothing became of what there was to do. */
  readonly isVain: boolean
}

const DEFAULT_RATE = 5
const SHOW_EVERY_MS = 250

/** Places orders at a rate, or none, until the signal. */
export async function goOn({ url, line, seed, rate = DEFAULT_RATE, signal }: RunContext): Promise<void> {
  const from = (await totals()).created
  const placing = rate === 0 ? Promise.resolve() : generate({ url, seed, from, rate, signal })
  await Promise.all([placing, showUntil(signal, async () => line.show(inWords(await totals())))])
}

export async function placeOrders(count: number, context: RunContext): Promise<Outcome> {
  const { url, line, drawn, seed, rate, signal } = context
  const ids: string[] = []
  const show = ({ validated, failed, emails }: Totals) =>
    line.show(
      `placed ${bar(ids.length, count, drawn)}  validated ${validated} · failed ${failed} · emails ${emails}`,
    )
  const placed = new AbortController()
  const showing = showUntil(placed.signal, async () => show(await totals()))
  try {
    await generate({ url, seed, count, rate, signal, onPlaced: ({ id }) => ids.push(id) })
  } finally {
    placed.abort()
    await showing
  }
  signal.throwIfAborted()
  const faults = await settled(ids, { signal, onProgress: show })
  return { figures: await figuresOf(ids), faults, refusals: [], isVain: false }
}

export async function importOrders(file: string, context: RunContext): Promise<Outcome> {
  const { target, line, drawn, signal } = context
  const ids: string[] = []
  const noting: ImportTarget = {
    ...target,
    async place(id, order, timeMs) {
      await target.place(id, order, timeMs)
      ids.push(id)
    },
  }
  let read = ''
  let sums = await totals()
  const before = sums.validated + sums.failed
  const show = (figures: ImportFigures) => {
    const verdicts = sums.validated + sums.failed - before
    read = `read ${bar(figures.read, figures.total, drawn)}`
    line.show(`${read}  verdicts ${bar(verdicts, figures.allOrders, drawn)}`)
  }
  const imported = new AbortController()
  const counting = showUntil(imported.signal, async () => {
    sums = await totals()
  })
  let figures: ImportFigures
  try {
    figures = await importFile(file, noting, { signal, onProgress: show })
  } finally {
    imported.abort()
    await counting
  }
  signal.throwIfAborted()
  const faults = await settled(ids, {
    signal,
    onProgress: now => {
      sums = now
      show(figures)
    },
  })
  const { placed, refused } = figures
  if (placed + refused !== figures.read) faults.push(`${figures.read} lines were read`)
  return {
    figures: `${inFigures(figures)} ${await figuresOf(ids)}`,
    faults,
    refusals: refusalsIn(figures),
    isVain: placed === 0 && refused > 0,
  }
}

async function showUntil(signal: AbortSignal, show: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await show()
    await sleep(SHOW_EVERY_MS, undefined, { signal }).catch(ignoreAbort(signal))
  }
}

function ignoreAbort(signal: AbortSignal) {
  return (error: unknown) => {
    if (!signal.aborted) throw error
  }
}

function inWords({ created, validated, failed, emails }: Totals): string {
  return `orders ${created} · validated ${validated} · failed ${failed} · emails ${emails} · open ${created - failed}`
}

function inFigures({ read, placed, refused, reasons }: ImportFigures): string {
  const why = Array.from(reasons, ([reason, lines]) => `${reason.replaceAll(' ', '-')}=${lines}`)
    .toSorted()
    .join(' ')
  return `read=${read} placed=${placed} refused=${refused}${why === '' ? '' : ` (${why})`}`
}

const REASONS_SHOWN = 300

/** The first few in full: the reasons of most files are told by them. */
function refusalsIn({ refused, firstRefused }: ImportFigures): string[] {
  const lines = firstRefused.map(({ at, reasons }) => {
    const words = reasons.join('; ')
    return `Refused line ${at}: ${words.length > REASONS_SHOWN ? `${words.slice(0, REASONS_SHOWN)}…` : words}`
  })
  const more = refused - firstRefused.length
  return more > 0 ? [...lines, `${more} more in the topic ${deadLetters.name}.`] : lines
}
