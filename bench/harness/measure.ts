/** What one fresh process measured: the unit from which medians are taken. */
export interface Measurement {
  /** Records that went through the measured part. */
  readonly records: number
  readonly seconds: number
  /** User and system time of the whole process during the measured part, all threads. */
  readonly cpuSeconds: number
  /** Largest resident set of the process so far. */
  readonly peakRssBytes: number
}

/** Times one run of a case: everything before `run` is set-up and does not count. */
export async function measure(run: () => Promise<number>): Promise<Measurement> {
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  const records = await run()
  const seconds = (performance.now() - startedAt) / 1000
  const cpu = process.cpuUsage(cpuBefore)
  return {
    records,
    seconds,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  }
}

/** A benchmark: one file in bench/cases, run in a fresh process for every measurement. */
export interface Case {
  /** One line for the report: what is done to how many records of what size. */
  readonly description: string
  /** Several ways to run it, each a row `<case>-<variant>` of the report. Default: one, named as the case. */
  readonly variants?: readonly string[]
  /** It runs only when it is asked for by name. */
  readonly onRequest?: boolean
  run(variant: string): Promise<Measurement>
}
