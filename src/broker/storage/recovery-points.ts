import { fileKinds, readChecked, writeChecked } from './checked-file.ts'
import type { Disk } from './disk.ts'
import type { JournalPoint } from './journal.ts'

const PATH = 'recovery-points'

/**
 * Up to where the files of a storage were synced at some moment. Written about once a second and never synced: it may
 * be old or gone, but never claims too much. Recovery uses it to tell a torn tail from damage.
 */
export interface RecoveryPoints {
  readonly journal?: JournalPoint
  /** By directory of the partition. */
  readonly partitions: Readonly<Record<string, number>>
}

export async function readRecoveryPoints(disk: Disk): Promise<RecoveryPoints> {
  const payload = await readChecked(disk, PATH, fileKinds.recoveryPoints)
  // The payload has passed its checksum: it is what writeRecoveryPoints wrote.
  return payload === undefined ? { partitions: {} } : (JSON.parse(payload.toString()) as RecoveryPoints)
}

export async function writeRecoveryPoints(
  disk: Disk,
  points: RecoveryPoints,
  { sync }: { sync: boolean },
): Promise<void> {
  const payload = Buffer.from(JSON.stringify(points))
  await writeChecked(disk, PATH, { kind: fileKinds.recoveryPoints, payload, sync })
}
