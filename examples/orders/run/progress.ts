/** One line that tells how it goes: rewritten in place on a terminal, a fresh line now and then elsewhere. */
export interface StatusLine {
  /** Shows the text, soon; a newer text replaces one that was not shown yet. */
  show(text: string): void
  /** Shows the last text for good; the next output starts on a line of its own. */
  end(): void
}

export interface StatusLineOptions {
  /** Between two lines where the output is not a terminal. Default 5000. */
  readonly plainEveryMs?: number
  readonly nowMs?: () => number
}

export function statusLine(output: NodeJS.WriteStream, options: StatusLineOptions = {}): StatusLine {
  const { plainEveryMs = 5000, nowMs = Date.now } = options
  let latest = ''
  let shown = ''
  let shownAtMs = Number.NEGATIVE_INFINITY
  const write = () => {
    if (latest === shown) return
    shown = latest
    shownAtMs = nowMs()
    output.write(output.isTTY ? `\r\x1b[K${latest.slice(0, output.columns - 1)}` : `${latest}\n`)
  }
  return {
    show(text) {
      latest = text
      if (output.isTTY || nowMs() - shownAtMs >= plainEveryMs) write()
    },
    end() {
      write()
      if (output.isTTY && shown !== '') output.write('\n')
    },
  }
}

/** `[#####-----]  50 %`, or the figure alone where nobody sees a bar. */
export function bar(done: number, total: number, drawn: boolean): string {
  const share = total === 0 ? 1 : Math.min(1, done / total)
  const percent = `${String(Math.floor(share * 100)).padStart(3)} %`
  const filled = Math.round(share * BAR_WIDTH)
  return drawn ? `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}] ${percent}` : percent.trim()
}

const BAR_WIDTH = 20
