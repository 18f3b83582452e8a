/** A header of a record. */
export interface RecordHeader {
  readonly key: string
  readonly value: Buffer | null
}
