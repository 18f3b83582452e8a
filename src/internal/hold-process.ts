let holders = 0
let timer: NodeJS.Timeout | undefined

/**
 * Keeps the process alive until the returned function is called, as an open socket does: a wait on the in-process
 * transport or for a retry has no handle of its own, and the clock's timers let the process end.
 */
export function holdProcess(): () => void {
  if (holders++ === 0) timer = setInterval(() => {}, 2 ** 30)
  let held = true
  return () => {
    if (!held) return
    held = false
    if (--holders === 0) clearInterval(timer)
  }
}
