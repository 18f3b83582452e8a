import { hash } from 'node:crypto'
import type { Codec } from '../../contracts/codec.ts'
import { EvertError } from '../../errors.ts'
import type { ByteString } from '../state/byte-store.ts'
import { keyPart } from '../state/key-parts.ts'

/*
 * What the two sides of a foreign-key join tell each other, through two internal topics that nobody else reads. What
 * they say is what Kafka Streams says (SubscriptionWrapper, SubscriptionResponseWrapper); the bytes are our own.
 *
 *   subscription   1   0x80 when there is no hash, plus the version
 *                  1   instruction
 *                  16  hash, if there is one
 *                  n   primary key bytes
 *                  4   partition of the left record, big-endian
 *
 *   response       1   0x80 when there is no hash, plus the version
 *                  16  hash, if there is one
 *                  4   partition of the left record, big-endian
 *                  1   1 when a foreign value follows; without one 0, or 2 when that is no news unless rows are stale
 *                  n   foreign value bytes
 */
const NO_HASH = 0x80
const HASH_BYTES = 16
const SUBSCRIPTION_VERSION = 1
const RESPONSE_VERSION = 0
const MISSING = 0
const FOUND = 1
const MISSING_QUIETLY = 2

/** What the right side does with a subscription. */
export const instructions = {
  /** Forget it; no answer. */
  DELETE_QUIETLY: 0,
  /** Forget it and answer that there is no foreign row. */
  DELETE_AND_ANSWER: 1,
  /** Keep it and answer, with or without a foreign row. */
  ANSWER_ALWAYS: 2,
  /** Keep it and answer if there is a foreign row. */
  ANSWER_IF_FOUND: 3,
  /** Keep it and answer; that there is no foreign row is no news unless the joined row is stale. */
  ANSWER_QUIETLY: 4,
} as const

export interface Subscription {
  /** Of the left value that subscribed; null for a deletion. */
  readonly hash: Buffer | null
  readonly instruction: number
  readonly primaryKey: Buffer
  readonly partition: number
}

export interface SubscriptionResponse {
  /** Of the left value that is answered: an answer to an older one is dropped. */
  readonly hash: Buffer | null
  readonly partition: number
  readonly foreignValue: Buffer | null
  /** Without a foreign value: matters only to a joined row that is stale. */
  readonly isQuiet: boolean
}

/** 16 bytes that stand for a value. */
export function hashOf(bytes: Buffer): Buffer {
  return Buffer.from(hash('sha256', bytes, 'buffer').subarray(0, HASH_BYTES))
}

export const subscriptionCodec: Codec<Subscription> = {
  name: 'foreign-key-subscription',
  encode({ hash, instruction, primaryKey, partition }) {
    const keyStart = hash === null ? 2 : 2 + HASH_BYTES
    const bytes = Buffer.allocUnsafe(keyStart + primaryKey.length + 4)
    bytes[0] = head(hash, SUBSCRIPTION_VERSION)
    bytes[1] = instruction
    if (hash !== null) bytes.set(hash, 2)
    bytes.set(primaryKey, keyStart)
    bytes.writeInt32BE(partition, keyStart + primaryKey.length)
    return bytes
  },
  decode(bytes) {
    const hasHash = readHead(bytes, SUBSCRIPTION_VERSION)
    const keyStart = hasHash ? 2 + HASH_BYTES : 2
    if (bytes.length < keyStart + 4) throw malformed(`${bytes.length} bytes`)
    return {
      hash: hasHash ? Buffer.from(bytes.subarray(2, keyStart)) : null,
      instruction: bytes[1] as number,
      primaryKey: Buffer.from(bytes.subarray(keyStart, bytes.length - 4)),
      partition: bytes.readInt32BE(bytes.length - 4),
    }
  },
}

export const responseCodec: Codec<SubscriptionResponse> = {
  name: 'foreign-key-response',
  encode({ hash, partition, foreignValue, isQuiet }) {
    const place = hash === null ? 1 : 1 + HASH_BYTES
    const bytes = Buffer.allocUnsafe(place + 5 + (foreignValue?.length ?? 0))
    bytes[0] = head(hash, RESPONSE_VERSION)
    if (hash !== null) bytes.set(hash, 1)
    bytes.writeInt32BE(partition, place)
    bytes[place + 4] = foreignValue !== null ? FOUND : isQuiet ? MISSING_QUIETLY : MISSING
    if (foreignValue !== null) bytes.set(foreignValue, place + 5)
    return bytes
  },
  decode(bytes) {
    const hasHash = readHead(bytes, RESPONSE_VERSION)
    const place = hasHash ? 1 + HASH_BYTES : 1
    if (bytes.length < place + 5) throw malformed(`${bytes.length} bytes`)
    return {
      hash: hasHash ? Buffer.from(bytes.subarray(1, place)) : null,
      partition: bytes.readInt32BE(place),
      foreignValue: bytes[place + 4] === FOUND ? Buffer.from(bytes.subarray(place + 5)) : null,
      isQuiet: bytes[place + 4] === MISSING_QUIETLY,
    }
  },
}

/** The key of a subscription in its store: all subscriptions of one foreign key lie side by side. */
export function subscriptionPlace(foreignKey: ByteString, primaryKey: ByteString): ByteString {
  return subscriptionPrefix(foreignKey) + primaryKey
}

/** The length comes first so that no foreign key is the beginning of another. */
export const subscriptionPrefix = keyPart

function head(hash: Buffer | null, version: number): number {
  return hash === null ? NO_HASH | version : version
}

function readHead(bytes: Buffer, version: number): boolean {
  const [first = -1] = bytes
  if (first < 0 || (first & ~NO_HASH) !== version) throw malformed(`the version byte ${first}`)
  return (first & NO_HASH) === 0
}

function malformed(what: string): EvertError {
  return new EvertError(
    'MALFORMED_BYTES',
    `A message of a foreign-key join has ${what}; was its internal topic written by something else?`,
  )
}
