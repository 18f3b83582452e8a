import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isEvertError } from '../errors.ts'
import { openCluster } from './cluster.ts'

test('that no broker can be reached says which ones were tried, and why not', async () => {
  // Ports that are reserved: nobody listens there.
  await assert.rejects(openCluster('kafka://127.0.0.1:1,broker.invalid:9092,localhost:2'), error => {
    assert.ok(isEvertError(error, 'CONNECTION'))
    assert.match(error.message, /127\.0\.0\.1:1: connect ECONNREFUSED/)
    // A machine without a network has no answer about the name at all.
    assert.match(error.message, /broker\.invalid:9092: .*(ENOTFOUND|EAI_AGAIN)/)
    assert.match(error.message, /localhost:2: .*ECONNREFUSED/)
    assert.equal(error.retryable, true)
    return true
  })
})

test('a single broker is named once', async () => {
  await assert.rejects(openCluster('kafka://127.0.0.1:1'), {
    code: 'CONNECTION',
    message: 'Cannot connect to 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1.',
  })
})
