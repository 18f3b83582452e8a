/**
 * The order in which Java's HashMap and HashSet go through texts. Kafka Streams prints nodes and stores as such
 * collections give them, so a description that is to equal its text follows them.
 */
export function javaHashOrder(texts: readonly string[]): string[] {
  let capacity = 16
  while (texts.length > capacity * 0.75) capacity *= 2
  const buckets = new Map<number, string[]>()
  for (const text of texts) {
    const hash = javaHash(text)
    const bucket = (hash ^ (hash >>> 16)) & (capacity - 1)
    buckets.set(bucket, [...(buckets.get(bucket) ?? []), text])
  }
  return [...buckets].toSorted(([a], [b]) => a - b).flatMap(([, each]) => each)
}

/** String#hashCode. */
function javaHash(text: string): number {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
  return hash
}
