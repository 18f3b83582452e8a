import type { Topology, ViewRegistration } from '../streams/graph/topology.ts'
import type { Instance } from './instance.ts'
import { keyReader } from '../service/key-text.ts'
import { PROMETHEUS_CONTENT_TYPE, prometheusText } from '../service/prometheus.ts'
import { problem } from '../service/problem.ts'
import { type Handler, type Router, router } from '../service/router.ts'
import { viewHandler } from '../service/view-handler.ts'
import type { FieldTable } from '../service/where-query.ts'
import { applicationHealth, type ReadyOptions } from './application-health.ts'
import { storeOf } from './bind-views.ts'
import type { AnyView } from './view-indexes.ts'

/** What an application serves over HTTP: its views, its health and its metrics. */
export function applicationRoutes(
  topology: Topology,
  application: Instance,
  options: ReadyOptions = {},
): Router {
  const views = new Map(topology.views.map(each => [each.name, handlerOf(topology, each)]))
  const answer: Handler<{ readonly name: string }> = context => {
    const handler = views.get(context.params.name)
    if (handler !== undefined) return handler(context)
    const valid = [...views.keys()]
    const detail = `There is no view ${JSON.stringify(context.params.name.slice(0, 100))}. Views: ${valid.join(', ') || 'none'}.`
    return problem(404, { detail, valid })
  }
  return router()
    .get('/views/:name', answer)
    .get('/views/:name/:key', answer)
    .get('/metrics', () => metricsOf(application))
    .include(applicationHealth(application, options))
}

function metricsOf(application: Instance): Response {
  const labels = { application: application.applicationId }
  const headers = { 'content-type': PROMETHEUS_CONTENT_TYPE, 'cache-control': 'no-store' }
  return new Response(prometheusText(application.metrics(), { labels }), { headers })
}

function handlerOf(topology: Topology, registration: ViewRegistration): Handler<unknown> {
  const view = registration.view as AnyView
  const { fields = [], indexes } = view.options
  const table: FieldTable = Object.fromEntries([...indexes, ...fields].map(field => [field, 'scalar']))
  return viewHandler(view, {
    fields: table,
    parseKey: keyReader(storeOf(topology, registration).key),
  })
}
