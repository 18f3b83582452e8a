import { type FetchHandler, type RunningServer, type ServeOptions, serve } from '../service/serve.ts'

/** What serves an application. It may outlive everything else of it, to say why that has ended. */
export interface ApplicationServer extends RunningServer {
  /** Disposing no longer closes it, `close` alone does; until then it does not keep the process alive. */
  outlive(): void
}

/** Throws CONNECTION when the port cannot be had. */
export async function serveApplication(
  handler: FetchHandler,
  options: ServeOptions,
): Promise<ApplicationServer> {
  const server = await serve(handler, options)
  let outlives = false
  return {
    ...server,
    outlive() {
      outlives = true
      server.unref()
    },
    async [Symbol.asyncDispose]() {
      if (!outlives) await server.close()
    },
  }
}
