import { array, int16, int32, list, string, uuid } from '../field.ts'
import { defineApi } from '../message.ts'

export const deleteTopics = defineApi({
  key: 20,
  name: 'DeleteTopics',
  versions: [1, 6],
  flexible: 4,
  request: {
    topics: array(
      {
        name: string({ versions: '6+', nullable: '6+', default: null }),
        topicId: uuid({ versions: '6+' }),
      },
      { versions: '6+' },
    ),
    topicNames: list(string(), { versions: '1-5', ignorable: true }),
    timeoutMs: int32(),
  },
  response: {
    throttleTimeMs: int32(),
    responses: array({
      name: string({ nullable: '6+' }),
      topicId: uuid({ versions: '6+', ignorable: true }),
      errorCode: int16(),
      errorMessage: string({ versions: '5+', nullable: '5+', default: null, ignorable: true }),
    }),
  },
})
