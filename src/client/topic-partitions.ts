export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** Groups entries by their topic, as requests want them; order is kept. */
export function byTopic<T extends { readonly topic: string }>(entries: Iterable<T>): [topic: string, T[]][] {
  const topics = new Map<string, T[]>()
  for (const entry of entries) {
    const known = topics.get(entry.topic)
    if (known === undefined) topics.set(entry.topic, [entry])
    else known.push(entry)
  }
  return [...topics]
}
