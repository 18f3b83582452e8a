import { app, double, int64, keyValueStore, lruMap, string, topic, tuple, windowStore } from 'evert'

export const readings = topic('readings', { key: string, value: double })
export const limits = topic('limits', { key: string, value: double })
export const alerts = topic('alerts', { key: string, value: double })

export function alerting() {
  const alerting = app('alerting')
  const limit = alerting.table(limits)
  const recent = windowStore('recent', { key: string, value: double, sizeMs: 1, retentionMs: 60_000 })
  const alerted = lruMap('alerted', { key: string, value: double, maxEntries: 10_000 })
  alerting
    .stream(readings)
    .processValues({
      stores: { limit, recent, alerted },
      create:
        ({ stores, forward, commit }) =>
        (reading, sensor, { timestamp }) => {
          stores.recent.put(sensor, reading, timestamp)
          const minute = Array.from(stores.recent.fetch(sensor, { toMs: timestamp }), ([, value]) => value)
          const average = minute.reduce((sum, value) => sum + value, 0) / minute.length
          if (average <= (stores.limit.get(sensor) ?? Infinity) || stores.alerted.get(sensor) === average)
            return
          stores.alerted.put(sensor, average)
          forward(average, { to: 'write-alerts' })
          commit()
        },
    })
    .to(alerts, { name: 'write-alerts' })
  return alerting
}

export const latest = topic('latest', { key: string, value: double })

/** Every hour of stream time, the last reading of each sensor; the others are forgotten. */
export function hourly() {
  const hourly = app('hourly')
  const bySensor = keyValueStore('by-sensor', { key: tuple(string, int64), value: double })
  hourly
    .stream(readings)
    .process({
      stores: { bySensor },
      create: ({ stores, forward, schedule }) => {
        schedule(3_600_000, 'stream', () => {
          let last: string | undefined
          for (const [[sensor, timeMs], reading] of stores.bySensor.entries({ reverse: true })) {
            if (sensor === last) stores.bySensor.delete([sensor, timeMs])
            else forward(sensor, reading)
            last = sensor
          }
        })
        return (reading, sensor, { timestamp }) => stores.bySensor.put([sensor, timestamp], reading)
      },
    })
    .to(latest)
  return hourly
}
