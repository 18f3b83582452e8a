import { array, bool, int16, int32, int64, list, string, uuid } from '../field.ts'
import { defineApi } from '../message.ts'

export const offsetFetch = defineApi({
  key: 9,
  name: 'OffsetFetch',
  versions: [1, 10],
  flexible: 6,
  request: {
    groupId: string({ versions: '1-7' }),
    topics: array(
      {
        name: string({ versions: '1-7' }),
        partitionIndexes: list(int32(), { versions: '1-7' }),
      },
      { versions: '1-7', nullable: '2-7' },
    ),
    groups: array(
      {
        groupId: string({ versions: '8+' }),
        memberId: string({ versions: '9+', nullable: '9+', default: null, ignorable: true }),
        memberEpoch: int32({ versions: '9+', default: -1, ignorable: true }),
        topics: array(
          {
            name: string({ versions: '8-9', ignorable: true }),
            topicId: uuid({ versions: '10+', ignorable: true }),
            partitionIndexes: list(int32(), { versions: '8+' }),
          },
          { versions: '8+', nullable: '8+' },
        ),
      },
      { versions: '8+' },
    ),
    requireStable: bool({ versions: '7+', default: false }),
  },
  response: {
    throttleTimeMs: int32({ versions: '3+', ignorable: true }),
    topics: array(
      {
        name: string({ versions: '1-7' }),
        partitions: array(
          {
            partitionIndex: int32({ versions: '1-7' }),
            committedOffset: int64({ versions: '1-7' }),
            committedLeaderEpoch: int32({ versions: '5-7', default: -1, ignorable: true }),
            metadata: string({ versions: '1-7', nullable: '1-7' }),
            errorCode: int16({ versions: '1-7' }),
          },
          { versions: '1-7' },
        ),
      },
      { versions: '1-7' },
    ),
    errorCode: int16({ versions: '2-7', default: 0, ignorable: true }),
    groups: array(
      {
        groupId: string({ versions: '8+' }),
        topics: array(
          {
            name: string({ versions: '8-9', ignorable: true }),
            topicId: uuid({ versions: '10+', ignorable: true }),
            partitions: array(
              {
                partitionIndex: int32({ versions: '8+' }),
                committedOffset: int64({ versions: '8+' }),
                committedLeaderEpoch: int32({ versions: '8+', default: -1, ignorable: true }),
                metadata: string({ versions: '8+', nullable: '8+' }),
                errorCode: int16({ versions: '8+' }),
              },
              { versions: '8+' },
            ),
          },
          { versions: '8+' },
        ),
        errorCode: int16({ versions: '8+', default: 0 }),
      },
      { versions: '8+' },
    ),
  },
})
