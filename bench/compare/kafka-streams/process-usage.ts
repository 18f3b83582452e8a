import { readFileSync } from 'node:fs'

/** Linux counts in hundredths of a second, whatever the machine. */
const TICKS_PER_SECOND = 100

/** User and system time of a process, all threads, so far. Linux only. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name of the command may hold anything but ends with the last parenthesis; the time stands 12 fields behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/** The largest resident set of a process so far. */
export function peakRssBytesOf(pid: number): number {
  return statusOf(pid, 'VmHWM')
}

/** What is resident now: memory of its own, and pages of files, such as those of a mapped store. */
export function residentBytesOf(pid: number): { anonymous: number; file: number } {
  return { anonymous: statusOf(pid, 'RssAnon'), file: statusOf(pid, 'RssFile') }
}

function statusOf(pid: number, field: string): number {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm'))
  if (line === null) throw new Error(`The process ${pid} has no ${field}.`)
  return Number(line[1]) * 1024
}
