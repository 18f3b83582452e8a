import type { Codec } from '../../contracts/codec.ts'
import { bytes } from '../../contracts/codecs.ts'
import {
  foreignKeyAnswer,
  foreignKeyNotify,
  foreignKeyResolve,
  foreignKeySubscribe,
  responsePartition,
} from '../processors/foreign-key-join.ts'
import { responseCodec, subscriptionCodec } from '../processors/foreign-key-messages.ts'
import type { Joiner, Mapper } from '../processors/functions.ts'
import { tableSource } from '../processors/table-source.ts'
import { coPartition, type DslContext, type KTableParts } from './context.ts'
import { defaultValueCodec } from './default-codecs.ts'
import type { KTable } from './ktable.ts'
import type { StoreValueOptions } from './options.ts'
import { newTableState, sourceParts, storesOf } from './table-parts.ts'

export interface ForeignKeyJoinOptions<V2> extends StoreValueOptions<V2> {
  readonly foreignKeyOf: Mapper
  readonly joiner: Joiner
  /** A left row without a foreign row joins with null. */
  readonly left: boolean
}

/** The nodes, topics and store of processors/foreign-key-join.ts. */
export function joinByForeignKey<K, V, KF, VF, V2>(
  context: DslContext,
  [left, right]: readonly [KTableParts<K, V>, KTableParts<KF, VF>],
  options: ForeignKeyJoinOptions<V2>,
): KTable<K, V2> {
  const { plan } = context
  const { foreignKeyOf, joiner, name } = options
  left.table.requestOldValues(true)
  right.table.requestOldValues(true)
  const named = (suffix: string, prefix: string) => plan.names.operator(prefix, name && `${name}-${suffix}`)
  const rightRows = right.table.lookup()
  const leftRows = left.table.lookup()

  // From the left rows to the task of the foreign key.
  const registration = named('subscription-registration', 'KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-')
  const stale = options.left ? undefined : `${registration}-stale`
  const staleStores = stale === undefined ? [] : [stale]
  for (const store of staleStores) {
    plan.addStore({ name: store, key: left.key, value: bytes, sourceTopic: undefined, isHidden: true })
  }
  const registrationTopic = plan.addRepartition({ name: `${registration}-topic`, partitions: undefined })
  const subscribe = plan.addProcessor(
    named('subscription-registration-processor', 'KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-'),
    [left.node],
    {
      create: foreignKeySubscribe({ foreignKeyOf, foreignKey: right.key, left: options.left, stale }),
      stores: () => staleStores,
    },
  )
  const registrationCodecs = { key: right.key, value: subscriptionCodec, changes: false }
  plan.addSink(
    {
      name: named('subscription-registration-sink', 'KTABLE-SINK-'),
      topic: registrationTopic,
      ...registrationCodecs,
    },
    subscribe,
  )
  const subscribed = plan.addSource({
    name: named('subscription-registration-source', 'KTABLE-SOURCE-'),
    topics: [registrationTopic],
    ...registrationCodecs,
  })

  // Beside the right rows.
  const subscriptions = named('subscription-store', 'KTABLE-FK-JOIN-SUBSCRIPTION-STATE-STORE-')
  plan.addStore({ name: subscriptions, key: bytes, value: subscriptionCodec, sourceTopic: undefined })
  const answering = { subscriptions, rightValue: right.value, primaryKey: left.key }
  const answer = plan.addProcessor(
    named('subscription-join-foreign', 'KTABLE-FK-JOIN-SUBSCRIPTION-PROCESSOR-'),
    [subscribed],
    {
      create: foreignKeyAnswer({ ...answering, right: rightRows }),
      stores: () => [subscriptions, ...rightRows.stores()],
    },
  )
  const notify = plan.addProcessor(
    named('foreign-join-subscription', 'KTABLE-FK-JOIN-SUBSCRIPTION-PROCESSOR-'),
    [right.node],
    { create: foreignKeyNotify(answering), stores: () => [subscriptions] },
  )
  coPartition(plan, registration, right.sources, [subscribed])

  // Back to the left rows.
  const response = named('subscription-response', 'KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-')
  const responseTopic = plan.addRepartition({ name: `${response}-topic`, partitions: undefined })
  const responseCodecs = { key: left.key, value: responseCodec, changes: false }
  plan.addSink(
    {
      name: named('subscription-response-sink', 'KTABLE-SINK-'),
      topic: responseTopic,
      partition: responsePartition,
      ...responseCodecs,
    },
    answer,
    notify,
  )
  const answered = plan.addSource({
    name: named('subscription-response-source', 'KTABLE-SOURCE-'),
    topics: [responseTopic],
    ...responseCodecs,
  })
  const value = options.value ?? (defaultValueCodec as Codec<V2>)
  const resolve = plan.addProcessor(
    named('subscription-response-resolver', 'KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-RESOLVER-PROCESSOR-'),
    [answered],
    {
      create: foreignKeyResolve({
        leftRows,
        leftValue: left.value,
        rightValue: right.value,
        joiner,
        left: options.left,
        value,
        stale,
      }),
      stores: () => [...staleStores, ...leftRows.stores()],
    },
  )
  const sources = coPartition(plan, response, left.sources, [answered])

  const outputName = named('result', 'KTABLE-FK-JOIN-OUTPUT-')
  const store = options.store ?? plan.names.store('KTABLE-FK-JOIN-OUTPUT-')
  const state = newTableState(value, { logged: options.logged })
  const table = sourceParts(state, store, { plan, key: left.key })
  if (options.store !== undefined) table.keepRows(options.store)
  const node = plan.addProcessor(outputName, [resolve], {
    create: tableSource(state),
    stores: () => storesOf(state),
  })
  return context.table({ node, key: left.key, value, sources, table })
}
