import { app, string, topic } from 'evert'
import { openTelemetry } from 'evert/opentelemetry'

export const orders = topic('orders', { key: string, value: string })

export const shop = app('shop')
shop.stream(orders).groupByKey().count({ name: 'count', store: 'counts' }).view('counts')

export function start(cluster: string) {
  return shop.start({
    cluster,
    http: { port: 0, maxReadyLag: 10_000 },
    telemetry: openTelemetry(),
    metricsRecordingLevel: 'debug',
    onRestore: (task, { store, remaining }) => console.log(`${task} ${store}: ${remaining} offsets to go`),
  })
}
