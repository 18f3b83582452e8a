import { EvertError } from '../errors.ts'
import { type Clock, systemClock } from '../internal/clock.ts'
import type { MetricSheet } from '../internal/metric.ts'
import { Serial } from '../internal/serial.ts'
import { errorCodes } from '../wire/error-codes.ts'
import type { Fields, Message, MessageInput } from '../wire/field.ts'
import type { Api } from '../wire/message.ts'
import type { RequestContext, RequestHandler } from '../wire/request-handler.ts'
import { GroupConfigs } from './coordinators/group-configs.ts'
import { GroupOffsets } from './coordinators/group-offsets.ts'
import { ProducerIds } from './coordinators/producer-ids.ts'
import { StreamsGroups } from './coordinators/streams/streams-groups.ts'
import type { InternalTopic } from './coordinators/streams/topology.ts'
import { TransactionCoordinator } from './coordinators/transaction.ts'
import { BrokerCounts } from './broker-counts.ts'
import { handlers } from './handler-table.ts'
import { Listener, type ListenerOptions } from './listener.ts'
import { type BrokerServices, type BrokerSettings, defaultSettings } from './services.ts'
import type { LogStorage } from './storage/log-storage.ts'
import { createTopic } from './topic-creation.ts'

export interface BrokerOptions extends Partial<BrokerSettings> {
  /** Owned by the broker from now on: closed with it. */
  readonly storage: LogStorage
  /** Serves Kafka clients over TCP as well. Default: in process only. */
  readonly listener?: ListenerOptions
  /** Default: the machine's clock. */
  readonly clock?: Clock
}

/**
 * Starts the broker on a storage: carries out what was decided before a crash, then listens. Throws CONNECTION when
 * the address cannot be listened on.
 */
export async function openBroker({ storage, listener, clock, ...settings }: BrokerOptions): Promise<Broker> {
  const broker = new Broker(storage, clock ?? systemClock, { ...defaultSettings, ...defined(settings) })
  try {
    await broker.start(listener)
  } catch (error) {
    await broker.close()
    throw error
  }
  return broker
}

/** A single-node log that speaks the Kafka protocol: in process through `handle`, and over TCP when it listens. */
export class Broker implements RequestHandler {
  readonly #services: BrokerServices
  readonly #closing = new AbortController()
  readonly #running = new Set<Promise<unknown>>()
  readonly #counts = new BrokerCounts()
  #listener: Listener | undefined
  #closed: Promise<void> | undefined

  constructor(storage: LogStorage, clock: Clock, settings: BrokerSettings) {
    const producerIds = new ProducerIds(storage.journal)
    const offsets = new GroupOffsets(storage.journal)
    const groupConfigs = new GroupConfigs(storage.journal, settings)
    const transactions = new TransactionCoordinator({
      storage,
      clock,
      producerIds,
      offsets,
      maxTimeoutMs: settings.maxTransactionTimeoutMs,
    })
    const streamsGroups = new StreamsGroups({
      storage,
      clock,
      settingsOf: groupId => groupConfigs.settingsOf(groupId),
      createTopic: topic => this.#createInternalTopic(topic),
    })
    this.#services = {
      storage,
      clock,
      settings,
      producerIds,
      offsets,
      groupConfigs,
      transactions,
      streamsGroups,
      topicCreations: new Serial(),
      advertised: { host: 'localhost', port: 0 },
      closing: this.#closing.signal,
      supported: [...handlers.values()]
        .map(({ api, versions: [minVersion, maxVersion] }) => ({ apiKey: api.key, minVersion, maxVersion }))
        .toSorted((a, b) => a.apiKey - b.apiKey),
    }
  }

  /** Where clients find the broker; port 0 when it does not listen. */
  get address(): { readonly host: string; readonly port: number } {
    return this.#services.advertised
  }

  async start(listener: ListenerOptions | undefined): Promise<void> {
    await this.#services.transactions.recover()
    if (listener === undefined) return
    this.#listener = new Listener(this, handlers, listener)
    this.#services.advertised = await this.#listener.listen()
  }

  apiVersions(): BrokerServices['supported'] {
    return this.#services.supported
  }

  async handle<Req extends Fields, Res extends Fields>(
    api: Api<Req, Res>,
    version: number,
    request: Message<Req>,
    context: RequestContext,
  ): Promise<MessageInput<Res>> {
    if (this.#closing.signal.aborted) {
      throw new EvertError('CLOSED', 'The broker was closed; open it again to send requests.')
    }
    const found = handlers.get(api.key)
    if (found === undefined || version < found.versions[0] || version > found.versions[1]) {
      throw new EvertError('UNSUPPORTED_VERSION', `The broker does not serve ${api.name} v${version}.`)
    }
    this.#counts.request(api.name)
    const call = { services: this.#services, version, context }
    const answer = Promise.resolve(found.handle(request as Message<Fields>, call))
    this.#running.add(answer)
    try {
      return (await answer) as MessageInput<Res>
    } finally {
      this.#running.delete(answer)
    }
  }

  report(sheet: MetricSheet): void {
    this.#counts.report(sheet, this.#services.storage)
  }

  /** Refuses new requests, ends long polls, lets the running requests end, and closes the storage. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #createInternalTopic({ name, partitions, configs }: InternalTopic): Promise<string | undefined> {
    const wish = { name, partitions, replicationFactor: -1, configs }
    const result = await createTopic(this.#services, wish)
    // Another member's heartbeat may have made it meanwhile.
    if ('topic' in result || result.refusal.code === errorCodes.TOPIC_ALREADY_EXISTS) return undefined
    return result.refusal.message
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    await Promise.allSettled(this.#running)
    await this.#listener?.close()
    this.#services.transactions.close()
    this.#services.streamsGroups.close()
    await this.#services.storage.close()
  }
}

/** Options given as `undefined` mean their default. */
function defined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>
}
