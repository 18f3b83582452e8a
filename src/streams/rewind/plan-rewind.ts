import { listOffsets } from '../../client/admin.ts'
import type { Cluster } from '../../client/cluster.ts'
import { EvertError } from '../../errors.ts'
import type { KnownApplication } from './known-application.ts'
import { memberInWords } from './stop-instances.ts'
import type { InputOffset, RewindPlan, RewindTarget, RewoundInput } from './rewind.ts'

export interface RewindSelection {
  readonly to: RewindTarget
  /** The inputs that are moved; the others stay where they are. Default: all. */
  readonly topics?: readonly string[] | undefined
  /** Of the topics with names of internal ones, those to delete too. */
  readonly internalTopics?: readonly string[] | undefined
}

/** Throws INVALID_ARGUMENT for a topic or partition that is no input, and for an offset that its log does not have. */
export async function planRewind(
  cluster: Cluster,
  known: KnownApplication,
  selection: RewindSelection,
): Promise<RewindPlan> {
  const { applicationId, group, outputTopics } = known
  const more = selection.internalTopics ?? []
  const unknown = more.find(topic => ![...known.unknownTopics, ...known.internalTopics].includes(topic))
  if (unknown !== undefined) {
    throw refused(
      `"${unknown}" has no name of an internal topic of "${applicationId}", or is not there. Such topics: ${listed([...known.internalTopics, ...known.unknownTopics])}`,
    )
  }
  return {
    applicationId,
    inputs: await planInputs(cluster, known, selection),
    internalTopics: [...new Set([...known.internalTopics, ...more])].toSorted(),
    unknownTopics: known.unknownTopics.filter(topic => !more.includes(topic)),
    outputTopics,
    members: (group?.members ?? []).map(memberInWords),
    group: group?.groupId,
  }
}

async function planInputs(
  cluster: Cluster,
  { applicationId, inputs, committed, unfinished }: KnownApplication,
  { to, topics }: RewindSelection,
): Promise<RewoundInput[]> {
  // Of an unfinished rewind, whatever is left to do must be possible.
  if (inputs.size === 0 && unfinished === undefined) {
    throw refused(
      `The inputs of "${applicationId}" are not known, or gone: it has committed no offset of any topic`,
    )
  }
  const stray = topics?.find(topic => !inputs.has(topic))
  if (stray !== undefined) {
    throw refused(`"${stray}" is no input of "${applicationId}". Its inputs: ${listed([...inputs.keys()])}`)
  }
  const places = [...inputs].flatMap(([topic, count]) =>
    Array.from({ length: count }, (_, partition) => ({ topic, partition })),
  )
  const [starts, ends] = await Promise.all(
    (['earliest', 'latest'] as const).map(at =>
      listOffsets(
        cluster,
        places.map(place => ({ ...place, at })),
      ),
    ),
  )
  const extents = new Map(
    places.map((place, i) => [
      keyOf(place),
      { start: starts?.[i]?.offset ?? 0, end: ends?.[i]?.offset ?? 0 } satisfies Extent,
    ]),
  )
  const targets = await targetsOf(cluster, to, extents, { places, applicationId })
  const positions = new Map(committed.map(each => [keyOf(each), each.offset]))
  // What an unfinished rewind was to move goes where it was to go, if nobody says otherwise now.
  const kept = new Map((unfinished?.offsets ?? []).map(each => [keyOf(each), each.offset]))
  return places.map(place => {
    const key = keyOf(place)
    const isMoved = topics === undefined || topics.includes(place.topic)
    const position = positions.get(key)
    const target = (isMoved ? targets.get(key) : undefined) ?? kept.get(key) ?? position
    // Nothing is read again of what the log has not any more.
    const from = Math.max(target ?? 0, extents.get(key)?.start ?? 0)
    return {
      ...place,
      committed: position,
      to: target,
      replayed: Math.max(0, (position ?? from) - from),
      skipped: Math.max(0, from - (position ?? extents.get(key)?.start ?? 0)),
    }
  })
}

interface Extent {
  readonly start: number
  readonly end: number
}

interface Places {
  readonly places: readonly { readonly topic: string; readonly partition: number }[]
  readonly applicationId: string
}

async function targetsOf(
  cluster: Cluster,
  to: RewindTarget,
  extents: ReadonlyMap<string, Extent>,
  { places, applicationId }: Places,
): Promise<Map<string, number>> {
  if (to === 'beginning') return new Map(Array.from(extents, ([key, { start }]) => [key, start]))
  if (to === 'end') return new Map(Array.from(extents, ([key, { end }]) => [key, end]))
  if ('offsets' in to)
    return new Map(to.offsets.map(each => [keyOf(each), checked(each, extents, applicationId)]))
  const found = await listOffsets(
    cluster,
    places.map(place => ({ ...place, at: to.timeMs })),
  )
  // No record of that time or later: behind the last one.
  return new Map(
    found.map(each => [keyOf(each), each.offset >= 0 ? each.offset : (extents.get(keyOf(each))?.end ?? 0)]),
  )
}

function checked(wanted: InputOffset, extents: ReadonlyMap<string, Extent>, applicationId: string): number {
  const { topic, partition, offset } = wanted
  const extent = extents.get(keyOf(wanted))
  if (extent === undefined)
    throw refused(`Partition ${partition} of "${topic}" is no input of "${applicationId}"`)
  const { start, end } = extent
  if (!Number.isSafeInteger(offset) || offset < start || offset > end) {
    throw refused(
      `Partition ${partition} of "${topic}" has offsets from ${start} to ${end}; ${offset} is none of them`,
    )
  }
  return offset
}

function keyOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${partition}/${topic}`
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ')
}

function refused(message: string): EvertError {
  return new EvertError('INVALID_ARGUMENT', `${message}.`)
}
