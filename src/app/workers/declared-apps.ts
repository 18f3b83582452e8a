import { EvertError } from '../../errors.ts'
import type { App, StartOptions } from '../app.ts'

/**
 * What a module declares when it is loaded in a worker thread. In a thread `start` does not start an instance: its call
 * tells the thread that the application is complete, and never returns.
 */
export interface DeclaredApps {
  readonly applicationId: string
  readonly declared: App[]
  /** The module called `start` of the application; once. */
  onStart(app: App, options: StartOptions): void
}

let current: DeclaredApps | undefined

/** Called by a worker thread before it loads the module. */
export function collectApps(apps: DeclaredApps): void {
  current = apps
}

/** Notes the application, in a worker thread. */
export function declareApp(app: App): void {
  current?.declared.push(app)
}

/** True in a worker thread, which has taken notice of the call. Throws INVALID_ARGUMENT for another application. */
export function isStartedByWorker(app: App, options: StartOptions): boolean {
  if (current === undefined) return false
  if (app.id !== current.applicationId) {
    throw new EvertError(
      'INVALID_ARGUMENT',
      `The module of the workers of "${current.applicationId}" starts "${app.id}" when it is loaded. ` +
        'Declare the applications in modules of their own, and start them in another one.',
    )
  }
  current.onStart(app, options)
  return true
}
