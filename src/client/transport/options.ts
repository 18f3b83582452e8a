import type { Clock } from '../../internal/clock.ts'

export interface TransportOptions {
  readonly clientId: string
  readonly clock: Clock
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
}
