import { type ProducersJson, ProducerStates } from './producer-state.ts'

/** A snapshot of a partition's producers, as of an offset. */
export interface SnapshotAt {
  /** The state is that after all batches below. */
  readonly endOffset: number
  /** Only in a snapshot written when the storage was closed: the last segment as it then was. */
  readonly shutdown?: { readonly baseOffset: number; readonly sizeBytes: number }
}

/** Payload of a `.producers` file: JSON. */
export function encodeSnapshot(producers: ProducerStates, at: SnapshotAt): Buffer {
  return Buffer.from(JSON.stringify({ ...at, ...producers.toJson() }))
}

export function decodeSnapshot(payload: Buffer): SnapshotAt & { readonly producers: ProducerStates } {
  // The payload has passed its checksum: it is what encodeSnapshot wrote.
  const json = JSON.parse(payload.toString()) as SnapshotAt & ProducersJson
  return { ...json, producers: ProducerStates.fromJson(json) }
}
