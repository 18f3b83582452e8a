/** Aborted by the first Ctrl-C (or SIGTERM); the second one ends the process at once. */
export function stopSignals(): AbortSignal {
  const stopping = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (stopping.signal.aborted) process.exit(130)
      process.stderr.write('\nStopping; once more to force.\n')
      stopping.abort(new Error(`The run was stopped by ${name}.`))
    })
  }
  return stopping.signal
}
