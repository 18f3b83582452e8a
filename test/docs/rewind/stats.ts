import { app, int64, string, topic } from 'evert'

export const visits = topic('visits', { key: string, value: string, partitions: 1 })
export const counts = topic('visits-by-page', { key: string, value: int64, partitions: 1 })

export const stats = app('stats')
stats
  .stream(visits)
  .selectKey(page => page)
  .groupByKey({ name: 'page' })
  .count({ store: 'by-page' })
  .toStream()
  .to(counts)
