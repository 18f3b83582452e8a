/** A vector as vectors/*.jsonl hold it, one per line: a topology, inputs, and what Kafka Streams emitted. */
export interface Vector {
  readonly name: string
  readonly topology: readonly Operator[]
  readonly steps: readonly Step[]
  readonly stores: Readonly<Record<string, readonly Row[]>>
}

/** An operator call: its fields depend on `op`. */
export interface Operator {
  readonly op: string
  readonly id?: string
  readonly [field: string]: unknown
}

export interface Step {
  readonly advanceWallClockMs?: number
  readonly topic?: string
  readonly key?: string | null
  readonly value?: string | null
  readonly timestamp?: number
  readonly out: readonly Output[]
}

export interface Output {
  readonly topic: string
  readonly key: string | null
  readonly value: string | null
  readonly timestamp: number
}

export interface Row {
  readonly key: string
  readonly value: string
  readonly timestamp?: number
  readonly start?: number
  readonly end?: number
}

/** The topology uses something that the runner cannot build. */
export class UnknownOperator extends Error {}
