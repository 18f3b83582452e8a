import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recordOf, testDriver } from 'evert/testing'
import { points, purchases, reminders, rewards } from './rewards.ts'

const purchase = (id: string, customer: string, cents: number) =>
  recordOf(purchases, { key: id, value: { customer, cents } })

test('every full unit of money is a point', () => {
  testDriver(rewards)
    .given([purchase('1', 'ann', 250)])
    .when([purchase('2', 'ann', 199), purchase('3', 'ben', 100)])
    .then([recordOf(points, { key: 'ann', value: 3 }), recordOf(points, { key: 'ben', value: 1 })])
    .when({ advanceWallClockMs: 86_400_000 })
    .then([recordOf(reminders, { key: 'everybody', value: 'Spend your points!' })])
})

test('rows can be read, and records as they were written', () => {
  const driver = testDriver(rewards)
  driver.send(purchases, { key: '1', value: { customer: 'ann', cents: 250 }, timestamp: 7 })
  assert.deepEqual(driver.rows('points'), [{ key: 'ann', value: 2, timestamp: 7 }])
  assert.deepEqual(driver.read(points), [{ key: 'ann', value: 2, timestamp: 7, headers: [] }])
})

for (let seed = 1; seed <= 20; seed++) {
  test(`points do not depend on which partition is first: seed ${seed}`, () => {
    const driver = testDriver(rewards, { partitions: { purchases: 3, points: 2 }, seed })
    driver.sendAll([
      purchase('1', 'ann', 250),
      purchase('2', 'ben', 100),
      purchase('3', 'ann', 199),
      purchase('4', 'ann', 100),
    ])
    assert.equal(driver.row('points', 'ann')?.value, 4)
    assert.equal(driver.row('points', 'ben')?.value, 1)
  })
}
