import assert from 'node:assert/strict'
import { test } from 'node:test'
import { murmur2, partitionFor } from '../../src/records/partitioner.ts'
import { errorCodes, errorName, isRetryable } from '../../src/wire/error-codes.ts'
import { fixture } from './fixture.ts'

test('keys hash and fall into partitions as with the producer of Java', () => {
  const lines = fixture<{ key: string; murmur2: number; partitions: Record<string, number> }>('murmur2.jsonl')
  assert.ok(lines.length >= 100)
  for (const line of lines) {
    const key = Buffer.from(line.key, 'hex')
    assert.equal(murmur2(key), line.murmur2, line.key)
    for (const [count, partition] of Object.entries(line.partitions)) {
      assert.equal(partitionFor(key, Number(count)), partition, `${line.key} of ${count}`)
    }
  }
})

test('every error code of Java is known by name, with whether it can be retried', () => {
  const lines = fixture<{ name: string; code: number; retryable: boolean }>('errors.jsonl')
  assert.equal(Object.keys(errorCodes).length, lines.length)
  for (const { name, code, retryable } of lines) {
    assert.equal((errorCodes as Record<string, number>)[name], code)
    assert.equal(errorName(code), name)
    assert.equal(isRetryable(code), retryable, name)
  }
})
