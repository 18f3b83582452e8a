import type { Handler } from './handler.ts'
import { apiVersionsHandler } from './handlers/api-versions.ts'
import { createTopicsHandler } from './handlers/create-topics.ts'
import { deleteTopicsHandler } from './handlers/delete-topics.ts'
import { endTxnHandler } from './handlers/end-txn.ts'
import { fetchHandler } from './handlers/fetch.ts'
import { findCoordinatorHandler } from './handlers/find-coordinator.ts'
import { initProducerIdHandler } from './handlers/init-producer-id.ts'
import { listOffsetsHandler } from './handlers/list-offsets.ts'
import { metadataHandler } from './handlers/metadata.ts'
import { produceHandler } from './handlers/produce.ts'

/** By API key. What is not here is not advertised. */
export const handlers: ReadonlyMap<number, Handler> = new Map(
  [
    produceHandler,
    fetchHandler,
    listOffsetsHandler,
    metadataHandler,
    findCoordinatorHandler,
    apiVersionsHandler,
    createTopicsHandler,
    deleteTopicsHandler,
    initProducerIdHandler,
    endTxnHandler,
  ].map(handler => [handler.api.key, handler]),
)
