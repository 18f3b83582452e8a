type CloseAll = () => Promise<unknown>

/** SIGTERM is how a supervisor (systemd, Docker, Kubernetes) ends a process, SIGINT is Ctrl-C. */
const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/** Everything that the signals close, of all applications of this process. */
const closings = new Set<CloseAll>()

/**
 * Closes with the others when the process is told to end, and then lets the signal end it, so that whoever sent it sees
 * the status that belongs to it. A second signal ends the process at once. The returned function takes it back.
 */
export function closeOnSignals(close: CloseAll): () => void {
  if (closings.size === 0) for (const signal of SIGNALS) process.on(signal, end)
  closings.add(close)
  return () => {
    if (closings.delete(close) && closings.size === 0) stopListening()
  }
}

function end(signal: NodeJS.Signals): void {
  stopListening()
  // Each tells of its own failure; here only the end counts.
  void Promise.allSettled(Array.from(closings, close => close())).then(() =>
    process.kill(process.pid, signal),
  )
}

function stopListening(): void {
  for (const signal of SIGNALS) process.off(signal, end)
}
