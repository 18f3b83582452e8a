import { array, int16, int32, int64, records, string, struct, uuid } from '../field.ts'
import { defineApi } from '../message.ts'

export const produce = defineApi({
  key: 0,
  name: 'Produce',
  versions: [3, 13],
  flexible: 9,
  request: {
    transactionalId: string({ nullable: '3+', default: null }),
    acks: int16(),
    timeoutMs: int32(),
    topicData: array({
      name: string({ versions: '3-12', ignorable: true }),
      topicId: uuid({ versions: '13+', ignorable: true }),
      partitionData: array({
        index: int32(),
        records: records({ nullable: '3+' }),
      }),
    }),
  },
  response: {
    responses: array({
      name: string({ versions: '3-12', ignorable: true }),
      topicId: uuid({ versions: '13+', ignorable: true }),
      partitionResponses: array({
        index: int32(),
        errorCode: int16(),
        baseOffset: int64(),
        logAppendTimeMs: int64({ default: -1 }),
        logStartOffset: int64({ versions: '5+', default: -1, ignorable: true }),
        recordErrors: array(
          {
            batchIndex: int32({ versions: '8+' }),
            batchIndexErrorMessage: string({ versions: '8+', nullable: '8+', default: null }),
          },
          { versions: '8+', ignorable: true },
        ),
        errorMessage: string({ versions: '8+', nullable: '8+', default: null, ignorable: true }),
        currentLeader: struct(
          {
            leaderId: int32({ versions: '10+', default: -1 }),
            leaderEpoch: int32({ versions: '10+', default: -1 }),
          },
          { versions: '10+', tag: 0 },
        ),
      }),
    }),
    throttleTimeMs: int32({ default: 0 }),
    nodeEndpoints: array(
      {
        nodeId: int32({ versions: '10+' }),
        host: string({ versions: '10+' }),
        port: int32({ versions: '10+' }),
        rack: string({ versions: '10+', nullable: '10+', default: null }),
      },
      { versions: '10+', tag: 0 },
    ),
  },
})
