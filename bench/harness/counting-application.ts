/** What the workers of `count-workers` load: records counted by key, every update written. */
import { app, int64, string, topic } from 'evert'
import { PARTITIONS, TOPIC } from './embedded-log.ts'

const input = topic(TOPIC, { key: string, value: string, partitions: PARTITIONS })
const counts = topic('counts', { key: string, value: int64, partitions: PARTITIONS })

export const counting = app('counting')
counting.stream(input).groupByKey().count({ store: 'counts' }).toStream().to(counts)
