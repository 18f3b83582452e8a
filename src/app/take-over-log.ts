import { type Embedded, openEmbedded, ownerAddress } from '../broker/open-embedded.ts'
import { isEvertError } from '../errors.ts'
import type { Clock } from '../internal/clock.ts'

const POLL_MS = 50

export interface LogStandIn extends AsyncDisposable {
  /** Why the log could not be opened here when its owner was gone. */
  readonly failure: unknown
}

/**
 * From now until it is disposed: when the process that serves the log of `file:DIR` is gone and no other one has come,
 * this process opens the log and serves it. Whoever is connected to the log, in this process too, finds it here as
 * anywhere else (see ownerTransport), so requests that were under way are sent again. While the log is open in this
 * process already there is nothing to do.
 */
export function standInForLog(url: string, clock: Clock): LogStandIn {
  let isEnded = false
  let cancel = (): void => {}
  let opening: Promise<void> | undefined
  let log: Embedded | undefined
  let failure: unknown

  const open = async (): Promise<void> => {
    try {
      const found = await openEmbedded(url, { clock })
      if (found.kind === 'owner') log = found
    } catch (error) {
      // Another process is opening it.
      if (!isEvertError(error, 'DIRECTORY_IN_USE')) failure = error
    }
  }
  const watch = (): void => {
    cancel = clock.schedule(POLL_MS, () => {
      opening = (ownerAddress(url) === undefined ? open() : Promise.resolve()).then(() => {
        const isSettled = isEnded || log !== undefined || failure !== undefined
        if (!isSettled) watch()
      })
    })
  }
  watch()
  return {
    get failure() {
      return failure
    },
    async [Symbol.asyncDispose]() {
      isEnded = true
      cancel()
      await opening
      if (log?.kind === 'owner') await log.close()
    },
  }
}
