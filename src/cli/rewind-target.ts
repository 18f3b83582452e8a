import { type InputOffset, repeatedPartition, type RewindTarget } from '../streams/rewind/rewind.ts'
import { UsageError } from './command.ts'

export const TARGETS =
  'beginning, end, a time (2026-11-20T08:00:00Z; without a zone UTC), a time ago (PT2H, P1D), ' +
  'or offsets (TOPIC:PARTITION=OFFSET,…)'

const TIME = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[+-]\d{2}:?\d{2})?)?$/
const AGO = /^P(?=.)(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/
const OFFSET = /^(.+):(\d+)=(\d+)$/

/** What `--to` says. Throws UsageError. */
export function parseTarget(text: string, nowMs: number): RewindTarget {
  if (text === 'beginning' || text === 'end') return text
  const time = TIME.exec(text)
  if (time !== null) {
    const [, date, clock = '00:00', zone = 'Z'] = time
    const timeMs = Date.parse(`${date}T${clock}${zone.replace(/^([+-]\d{2})(\d{2})$/, '$1:$2')}`)
    if (Number.isNaN(timeMs)) throw new UsageError(`"${text}" is no time of any day.`)
    return { timeMs }
  }
  const ago = AGO.exec(text)
  if (ago !== null) {
    const [days = 0, hours = 0, minutes = 0, seconds = 0] = ago.slice(1).map(part => Number(part ?? 0))
    return { timeMs: Math.trunc(nowMs - (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000) }
  }
  if (text.includes('=')) return { offsets: parseOffsets(text) }
  const meant = { earliest: 'beginning', latest: 'end' }[text]
  throw new UsageError(
    meant === undefined
      ? `--to "${text}" is none of these: ${TARGETS}.`
      : `--to ${text} is called --to ${meant} here.`,
  )
}

function parseOffsets(text: string): InputOffset[] {
  const offsets = text.split(',').map(parseOffset)
  const twice = repeatedPartition(offsets)
  if (twice !== undefined)
    throw new UsageError(
      `--to names partition ${twice.partition} of "${twice.topic}" twice; once says where to.`,
    )
  return offsets
}

function parseOffset(text: string): InputOffset {
  const match = OFFSET.exec(text.trim())
  if (match === null) throw new UsageError(`"${text}" in --to is not TOPIC:PARTITION=OFFSET.`)
  const [, topic = '', partition, offset] = match
  return { topic, partition: Number(partition), offset: Number(offset) }
}
