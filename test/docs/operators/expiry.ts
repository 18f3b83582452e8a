import { StreamsBuilder, json, string, topic } from 'evert'
import { z } from 'zod'

const Heartbeat = z.object({ state: z.string() })
export const heartbeats = topic('heartbeats', { key: string, value: json(Heartbeat) })
export const changes = topic('device-changes', { key: string, value: json(Heartbeat) })

export const builder = new StreamsBuilder()
const devices = builder.table(heartbeats, { ttlMs: 60_000, emitOnChange: true, store: 'devices' })
devices.toStream().to(changes)
export const online = devices.view('online', { indexes: ['state'] })
