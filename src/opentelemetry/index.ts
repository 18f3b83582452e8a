/**
 * `evert/opentelemetry`: metrics and traces through the API of OpenTelemetry, which is an optional peer: install
 * `@opentelemetry/api` and the SDK of your choice.
 *
 *   import { openTelemetry } from 'evert/opentelemetry'
 */
export { openTelemetry, type OpenTelemetryOptions } from './open-telemetry.ts'
