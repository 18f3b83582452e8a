import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testDriver } from 'evert/testing'
import { alerting, alerts, hourly, latest, limits, readings } from './alerts.ts'

test('a sensor whose average of a minute passes its limit causes one alert', () => {
  const driver = testDriver(alerting())
  driver.send(limits, { key: 'boiler', value: 90, timestamp: 0 })
  for (const [value, timestamp] of [
    [80, 1_000],
    [110, 2_000],
    [110, 2_000],
    [10, 70_000],
  ] as const) {
    driver.send(readings, { key: 'boiler', value, timestamp })
  }
  assert.deepEqual(
    driver.read(alerts).map(({ key, value, timestamp }) => [key, value, timestamp]),
    [['boiler', 95, 2_000]],
  )
})

test('every hour the last readings go out', () => {
  const driver = testDriver(hourly())
  for (const timestamp of [0, 1_000, 500])
    driver.send(readings, { key: 'boiler', value: timestamp, timestamp })
  driver.read(latest)
  driver.send(readings, { key: 'valve', value: 7, timestamp: 3_600_000 })
  assert.deepEqual(
    driver.read(latest).map(({ key, value }) => [key, value]),
    [
      ['valve', 7],
      ['boiler', 1_000],
    ],
  )
  assert.equal(driver.rows('by-sensor').length, 2)
})
