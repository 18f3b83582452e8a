/**
 * Commands and queries over HTTP: a web-standard `fetch` handler made of routes, and a server for it.
 *
 *   import { router, serve, viewHandler } from 'evert/service'
 */

// Routes and their server
export { router } from './router.ts'
export type { Handler, Method, RequestContext, Router, RouterOptions } from './router.ts'
export { serve } from './serve.ts'
export type { FetchHandler, RunningServer, ServeOptions } from './serve.ts'

// Errors as application/problem+json
export { problem, ProblemError, problemFor } from './problem.ts'
export type { Problem } from './problem.ts'

// Bodies
export { BODY_LIMIT_BYTES, readJson } from './json-body.ts'

// Views
export { MIN_POSITION_HEADER, POSITION_HEADER, viewHandler } from './view-handler.ts'
export type { ViewHandlerOptions } from './view-handler.ts'
export { OPERATOR_NAMES, whereOf } from './where-query.ts'
export type { FieldTable, FieldType } from './where-query.ts'

// Metrics as Prometheus scrapes them
export { PROMETHEUS_CONTENT_TYPE, prometheusText } from './prometheus.ts'
export type { PrometheusOptions } from './prometheus.ts'

// Health
export { health } from './health.ts'
export type { HealthCheck, HealthOptions } from './health.ts'
