import { app, describeAsText, string, topic } from 'evert'

export const visits = topic('visits', { key: string, value: string })

export const stats = app('stats', { explicitNames: true, optimize: ['merge.repartition.topics'] })
const byPage = stats.stream(visits).selectKey(page => page)
byPage.groupByKey().count({ store: 'visits-by-page' }).view('popular')
byPage.groupByKey().reduce((_, page) => page, { store: 'last-by-page' })

export const text = describeAsText(stats.topology())
