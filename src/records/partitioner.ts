const SEED = 0x9747b28c
const MULTIPLIER = 0x5bd1e995
const SHIFT = 24

/** The 32-bit MurmurHash2 with the seed that Kafka's clients use, signed as in Java. */
export function murmur2(bytes: Buffer): number {
  const length = bytes.length
  let hash = SEED ^ length
  const wholeWords = length & ~3
  for (let at = 0; at < wholeWords; at += 4) {
    let word =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    word = Math.imul(word, MULTIPLIER)
    word ^= word >>> SHIFT
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER)
  }
  const rest = length - wholeWords
  if (rest === 3) hash ^= (bytes[wholeWords + 2] as number) << 16
  if (rest >= 2) hash ^= (bytes[wholeWords + 1] as number) << 8
  if (rest >= 1) hash = Math.imul(hash ^ (bytes[wholeWords] as number), MULTIPLIER)
  hash ^= hash >>> 13
  hash = Math.imul(hash, MULTIPLIER)
  return hash ^ (hash >>> 15)
}

/** The partition of a key: where the default partitioner of Java's producer puts it, so co-partitioning holds. */
export function partitionFor(key: Buffer, partitions: number): number {
  return (murmur2(key) & 0x7fff_ffff) % partitions
}
