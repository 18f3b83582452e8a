/**
 * Bytes to strings of code units 0–255 and back. Node's own methods behind `toString('latin1')`, which its types leave
 * out: calling them at once saves the look-up of the encoding's name, once per record.
 */
interface Latin1 {
  latin1Slice(start?: number, end?: number): string
  latin1Write(text: string, offset?: number, length?: number): number
}

export function latin1Slice(bytes: Buffer, start?: number, end?: number): string {
  return (bytes as unknown as Latin1).latin1Slice(start, end)
}

/** Writes at most `length` characters (default: all that fit); returns how many were written. */
export function latin1Write(target: Buffer, text: string, offset?: number, length?: number): number {
  return (target as unknown as Latin1).latin1Write(text, offset, length)
}
