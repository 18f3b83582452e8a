import { TIME_BYTES } from './windowed-key.ts'

/**
 * The order in which rows wait in a buffer, as Kafka Streams orders its own. Turns the bytes of a key in a store into
 * such a place and back.
 */
export interface WaitingOrder {
  placeOf(storeKey: Buffer): Buffer
  storeKeyAt(place: Buffer): Buffer
}

const asInStore: WaitingOrder = { placeOf: storeKey => storeKey, storeKeyAt: place => place }

/** By key. */
export const keyOrder = asInStore

/** Windows of one size, by end and then by key: as their store keys (start, key) are already. */
export const windowCloseOrder = asInStore

/** Sessions by end, then by key: (end, start, key) in the store, (end, key, start) here. */
export const sessionCloseOrder: WaitingOrder = {
  placeOf: storeKey => Buffer.concat([endOf(storeKey), storeKey.subarray(2 * TIME_BYTES), startOf(storeKey)]),
  storeKeyAt: place => Buffer.concat([endOf(place), last(place, 1), place.subarray(TIME_BYTES, -TIME_BYTES)]),
}

/** Windows by key, then by start. */
export const windowKeyOrder: WaitingOrder = {
  placeOf: storeKey => Buffer.concat([storeKey.subarray(TIME_BYTES), storeKey.subarray(0, TIME_BYTES)]),
  storeKeyAt: place => Buffer.concat([last(place, 1), place.subarray(0, -TIME_BYTES)]),
}

/** Sessions by key, then by end and start. */
export const sessionKeyOrder: WaitingOrder = {
  placeOf: storeKey =>
    Buffer.concat([storeKey.subarray(2 * TIME_BYTES), storeKey.subarray(0, 2 * TIME_BYTES)]),
  storeKeyAt: place => Buffer.concat([last(place, 2), place.subarray(0, -2 * TIME_BYTES)]),
}

function endOf(bytes: Buffer): Buffer {
  return bytes.subarray(0, TIME_BYTES)
}

function startOf(storeKey: Buffer): Buffer {
  return storeKey.subarray(TIME_BYTES, 2 * TIME_BYTES)
}

function last(place: Buffer, times: number): Buffer {
  return place.subarray(-times * TIME_BYTES)
}
