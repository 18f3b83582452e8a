import { array, bool, int16, int32, int64, list, string, struct, uint16 } from '../field.ts'
import { defineApi } from '../message.ts'

export const streamsGroupDescribe = defineApi({
  key: 89,
  name: 'StreamsGroupDescribe',
  versions: [0, 0],
  flexible: 0,
  request: {
    groupIds: list(string()),
    includeAuthorizedOperations: bool(),
  },
  response: {
    throttleTimeMs: int32(),
    groups: array({
      errorCode: int16(),
      errorMessage: string({ nullable: '0+', default: null }),
      groupId: string(),
      groupState: string(),
      groupEpoch: int32(),
      assignmentEpoch: int32(),
      topology: struct(
        {
          epoch: int32(),
          subtopologies: array(
            {
              subtopologyId: string(),
              sourceTopics: list(string()),
              repartitionSinkTopics: list(string()),
              stateChangelogTopics: array({
                name: string(),
                partitions: int32(),
                replicationFactor: int16(),
                topicConfigs: array({
                  key: string(),
                  value: string(),
                }),
              }),
              repartitionSourceTopics: array({
                name: string(),
                partitions: int32(),
                replicationFactor: int16(),
                topicConfigs: array({
                  key: string(),
                  value: string(),
                }),
              }),
            },
            { nullable: '0+', default: null },
          ),
        },
        { nullable: '0+', default: null },
      ),
      members: array({
        memberId: string(),
        memberEpoch: int32(),
        instanceId: string({ nullable: '0+', default: null }),
        rackId: string({ nullable: '0+', default: null }),
        clientId: string(),
        clientHost: string(),
        topologyEpoch: int32(),
        processId: string(),
        userEndpoint: struct(
          {
            host: string(),
            port: uint16(),
          },
          { nullable: '0+', default: null },
        ),
        clientTags: array({
          key: string(),
          value: string(),
        }),
        taskOffsets: array({
          subtopologyId: string(),
          partition: int32(),
          offset: int64(),
        }),
        taskEndOffsets: array({
          subtopologyId: string(),
          partition: int32(),
          offset: int64(),
        }),
        assignment: struct({
          activeTasks: array({
            subtopologyId: string(),
            partitions: list(int32()),
          }),
          standbyTasks: array({
            subtopologyId: string(),
            partitions: list(int32()),
          }),
          warmupTasks: array({
            subtopologyId: string(),
            partitions: list(int32()),
          }),
        }),
        targetAssignment: struct({
          activeTasks: array({
            subtopologyId: string(),
            partitions: list(int32()),
          }),
          standbyTasks: array({
            subtopologyId: string(),
            partitions: list(int32()),
          }),
          warmupTasks: array({
            subtopologyId: string(),
            partitions: list(int32()),
          }),
        }),
        isClassic: bool(),
      }),
      authorizedOperations: int32({ default: -2147483648 }),
    }),
  },
})
