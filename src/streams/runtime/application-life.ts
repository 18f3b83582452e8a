import { EvertError, isEvertError } from '../../errors.ts'

/** As in Kafka Streams. ERROR and NOT_RUNNING are final. */
export type ApplicationState =
  | 'CREATED'
  | 'REBALANCING'
  | 'RUNNING'
  | 'PENDING_SHUTDOWN'
  | 'NOT_RUNNING'
  | 'ERROR'

type StateListener = (state: ApplicationState, before: ApplicationState) => void

/** The state that an application is in, why it failed, and who hears of its changes. */
export class ApplicationLife {
  readonly #applicationId: string
  readonly #onStateChange: StateListener
  readonly #listeners = new Set<() => void>()
  #state: ApplicationState = 'CREATED'
  #failure: Error | undefined

  constructor(applicationId: string, onStateChange: StateListener = () => {}) {
    this.#applicationId = applicationId
    this.#onStateChange = onStateChange
  }

  get state(): ApplicationState {
    return this.#state
  }

  /** Why the state is ERROR. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** Calls back after each change of the state and each `notify`; the returned function ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  notify(): void {
    for (const listener of this.#listeners) listener()
  }

  move(state: ApplicationState): void {
    const before = this.#state
    this.#state = state
    this.#onStateChange(state, before)
    this.notify()
  }

  /** Moves to ERROR; false when it has ended before, or is being closed and only hears of that. */
  fail(error: unknown): boolean {
    if (this.#state === 'ERROR' || this.#state === 'NOT_RUNNING') return false
    if (this.#state === 'PENDING_SHUTDOWN' && isEvertError(error, 'CLOSED')) return false
    this.#failure = error instanceof Error ? error : new Error(String(error))
    this.move('ERROR')
    return true
  }

  /** Resolves when it is so. Rejects when the application ends before. */
  until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (isSo()) resolve()
        else if (this.#state === 'ERROR') reject(this.#failure)
        else if (this.#state === 'NOT_RUNNING' || this.#state === 'PENDING_SHUTDOWN') {
          reject(new EvertError('CLOSED', `The application "${this.#applicationId}" was closed.`))
        } else return
        stop()
      }
      const stop = this.onChange(look)
      look()
    })
  }
}
