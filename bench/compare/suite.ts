import type { Measurement } from '../harness/measure.ts'

/** A comparison: the same works done by several engines. One folder each, which exports `suite` from suite.ts. */
export interface Suite {
  readonly description: string
  /** Ours first. Each is a file `<engine>.ts` of the folder that exports `works`. */
  readonly engines: readonly string[]
  /** What each work is, by name. */
  readonly works: Readonly<Record<string, string>>
  /** Makes what all runs share, such as a broker that holds the input, before the first of them. */
  readonly open?: (options: SuiteOptions) => Promise<OpenSuite>
}

export interface SuiteOptions {
  /** How much input to make. Default: the suite's. */
  readonly records?: number
}

export interface OpenSuite {
  /** Given to every process. */
  readonly environment: Readonly<Record<string, string>>
  close(): Promise<void>
}

/** How an engine does a work: everything before the measured part is done when it resolves. */
export type Work = () => Promise<PreparedWork>

export interface PreparedWork {
  /** The measured part. Resolves to the number of records that went in, or to what another process took for them. */
  run(): Promise<number | Measurement>
  /** The final result, in a form that is the same text for every engine that computed the same. */
  result(): Promise<Iterable<string>>
  /** How many records it wrote where: not compared, but worth knowing. */
  written?(): Promise<Readonly<Record<string, number>>>
  close?(): Promise<void>
}

/** What one fresh process found. */
export interface Outcome extends Measurement {
  /** Of the result: equal for all engines, or the figures mean nothing. */
  readonly digest: string
  readonly written?: Readonly<Record<string, number>>
}
