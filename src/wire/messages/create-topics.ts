import { array, bool, int16, int32, int8, list, string, uuid } from '../field.ts'
import { defineApi } from '../message.ts'

export const createTopics = defineApi({
  key: 19,
  name: 'CreateTopics',
  versions: [2, 7],
  flexible: 5,
  request: {
    topics: array({
      name: string(),
      numPartitions: int32(),
      replicationFactor: int16(),
      assignments: array({
        partitionIndex: int32(),
        brokerIds: list(int32()),
      }),
      configs: array({
        name: string(),
        value: string({ nullable: '2+' }),
      }),
    }),
    timeoutMs: int32({ default: 60000 }),
    validateOnly: bool({ default: false }),
  },
  response: {
    throttleTimeMs: int32(),
    topics: array({
      name: string(),
      topicId: uuid({ versions: '7+', ignorable: true }),
      errorCode: int16(),
      errorMessage: string({ nullable: '2+' }),
      topicConfigErrorCode: int16({ versions: '5+', tag: 0, ignorable: true }),
      numPartitions: int32({ versions: '5+', default: -1, ignorable: true }),
      replicationFactor: int16({ versions: '5+', default: -1, ignorable: true }),
      configs: array(
        {
          name: string({ versions: '5+' }),
          value: string({ versions: '5+', nullable: '5+' }),
          readOnly: bool({ versions: '5+' }),
          configSource: int8({ versions: '5+', default: -1, ignorable: true }),
          isSensitive: bool({ versions: '5+' }),
        },
        { versions: '5+', nullable: '5+', ignorable: true },
      ),
    }),
  },
})
