import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  hashOf,
  instructions,
  responseCodec,
  subscriptionCodec,
  subscriptionPlace,
  subscriptionPrefix,
} from './foreign-key-messages.ts'

const hash = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex')

test('subscriptions have these bytes and come back from them', () => {
  const primaryKey = Buffer.from('pk')
  const cases = [
    [
      { hash, instruction: instructions.ANSWER_ALWAYS, primaryKey, partition: 3 },
      '0102000102030405060708090a0b0c0d0e0f706b00000003',
    ],
    [
      { hash: null, instruction: instructions.DELETE_AND_ANSWER, primaryKey, partition: 0 },
      '8101706b00000000',
    ],
  ] as const
  for (const [subscription, hex] of cases) {
    assert.equal(subscriptionCodec.encode(subscription).toString('hex'), hex)
    assert.deepEqual(subscriptionCodec.decode(Buffer.from(hex, 'hex')), subscription)
  }
})

test('responses have these bytes and come back from them', () => {
  const cases = [
    [
      { hash, partition: 2, foreignValue: Buffer.from('v'), isQuiet: false },
      '00000102030405060708090a0b0c0d0e0f000000020176',
    ],
    [{ hash: null, partition: 0, foreignValue: null, isQuiet: false }, '800000000000'],
    [{ hash: null, partition: 0, foreignValue: null, isQuiet: true }, '800000000002'],
    [{ hash: null, partition: 0, foreignValue: Buffer.alloc(0), isQuiet: false }, '800000000001'],
  ] as const
  for (const [response, hex] of cases) {
    assert.equal(responseCodec.encode(response).toString('hex'), hex)
    assert.deepEqual(responseCodec.decode(Buffer.from(hex, 'hex')), response)
  }
})

test('other bytes are refused', () => {
  for (const hex of ['', '01', '0502', '8101ff', '01020001']) {
    assert.throws(() => subscriptionCodec.decode(Buffer.from(hex, 'hex')), { code: 'MALFORMED_BYTES' }, hex)
  }
  for (const hex of ['', '80', '0100', '8000000000']) {
    assert.throws(() => responseCodec.decode(Buffer.from(hex, 'hex')), { code: 'MALFORMED_BYTES' }, hex)
  }
})

test('no foreign key is the beginning of another in the order of subscriptions', () => {
  const place = subscriptionPlace('ab', 'c')
  assert.ok(!place.startsWith(subscriptionPrefix('a')))
  assert.ok(place.startsWith(subscriptionPrefix('ab')))
  assert.equal(Buffer.from(place, 'latin1').toString('hex'), '00000002616263')
})

test('a hash has 16 bytes and tells values apart', () => {
  assert.equal(hashOf(Buffer.from('a')).length, 16)
  assert.notDeepEqual(hashOf(Buffer.from('a')), hashOf(Buffer.from('b')))
})
