import { TIME_BYTES } from './windowed-key.ts'

/**
 * The order in which rows of windows wait for their final results: by end and then by key, as Kafka Streams orders
 * its buffer. Turns the bytes of a windowed key in a store into such a place and back.
 */
export interface WaitingOrder {
  placeOf(storeKey: Buffer): Buffer
  storeKeyAt(place: Buffer): Buffer
}

/** Windows of one size: their store keys (start, key) are in this order already. */
export const windowWaitingOrder: WaitingOrder = {
  placeOf: storeKey => storeKey,
  storeKeyAt: place => place,
}

/** Sessions: (end, start, key) in the store, (end, key, start) here. */
export const sessionWaitingOrder: WaitingOrder = {
  placeOf(storeKey) {
    const start = storeKey.subarray(TIME_BYTES, 2 * TIME_BYTES)
    return Buffer.concat([storeKey.subarray(0, TIME_BYTES), storeKey.subarray(2 * TIME_BYTES), start])
  },
  storeKeyAt(place) {
    const startAt = place.length - TIME_BYTES
    return Buffer.concat([
      place.subarray(0, TIME_BYTES),
      place.subarray(startAt),
      place.subarray(TIME_BYTES, startAt),
    ])
  },
}
