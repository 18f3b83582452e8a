/** `evert/broker`: the embedded log, run by itself or inside a service. */

// The broker on a storage, and the log of a URL.
export { Broker, type BrokerOptions, openBroker } from './broker.ts'
export type { ListenerOptions } from './listener.ts'
export { type Embedded, type EmbeddedOptions, openEmbedded } from './open-embedded.ts'

// Where it keeps its logs.
export type { LogStorage } from './storage/log-storage.ts'
export { openFileStorage, openMemoryStorage, type StorageOptions } from './storage/storage.ts'
