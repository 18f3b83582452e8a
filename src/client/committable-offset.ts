export interface CommittableOffset {
  readonly topic: string
  readonly partition: number
  /** The next offset to read. */
  readonly offset: number
  readonly metadata?: string
}

/** The group on whose behalf offsets are committed; member and epoch fence a member that lost its tasks. */
export interface GroupIdentity {
  readonly groupId: string
  readonly memberId?: string
  /** Member epoch (streams, consumer protocol) or generation (classic). */
  readonly epoch?: number
  readonly instanceId?: string
}
