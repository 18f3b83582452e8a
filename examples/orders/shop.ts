/** Starts all services of the example in this process, on one cluster. */
import { type Cluster, mergePositions, type Running } from 'evert'
import { createTopics } from 'evert/client'
import { health, type Router, router, viewHandler } from 'evert/service'
import { audit } from './audit.ts'
import { deadLetters, orderCommands, products, topics, unreadable, warehouseStock } from './contracts.ts'
import { emailService } from './email.ts'
import type { ImportTarget } from './import/import-file.ts'
import { inventory, stockView } from './inventory.ts'
import { openOrders, openOrdersService } from './open-orders.ts'
import { orderDetails, productsView } from './order-details.ts'
import { orderService } from './orders.ts'
import { ordersApi } from './orders-http.ts'
import { paymentService } from './payments.ts'

export interface ShopOptions {
  readonly cluster: Cluster
  readonly stateDir: string
  /** A service that fails ends; the others go on. */
  readonly onFailure: (service: string, error: Error) => void
}

export interface Shop extends AsyncDisposable {
  /** Everything that the services answer over HTTP. */
  readonly api: Router
  /** The same as commands in this process, which may come from another time. */
  readonly target: ImportTarget
}

const SERVICES = [
  orderService,
  orderDetails,
  inventory,
  paymentService,
  emailService,
  openOrdersService,
  audit,
]

export async function openShop({ cluster, stateDir, onFailure }: ShopOptions): Promise<Shop> {
  await using starting = new AsyncDisposableStack()
  await createTopics(
    cluster,
    topics.map(({ name, partitions, configs }) => ({ name, partitions, configs })),
  )
  const services = await Promise.all(
    SERVICES.map(async service =>
      starting.use(
        await service.start({
          cluster,
          stateDir,
          onError: { deadLetter: unreadable.name },
          onFailure: error => onFailure(service.id, error),
        }),
      ),
    ),
  )
  const target = targetOf(services[0] as Running)
  const started = starting.move()
  return {
    target,
    api: apiOf(target, services),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

function apiOf(target: ImportTarget, services: readonly Running[]): Router {
  const notReady = () =>
    services.filter(({ state }) => state !== 'RUNNING').map(({ id, state }) => `${id}: ${state}.`)
  return router()
    .include(ordersApi((id, command) => target.place(id, command)))
    .get(
      '/v1/orders',
      viewHandler(openOrders, {
        fields: {
          id: 'string',
          customerId: 'number',
          deliveryLocation: 'string',
          state: 'string',
          fulfilled: 'boolean',
          orderValue: 'number',
        },
      }),
    )
    .get('/v1/stock/:key', viewHandler(stockView, { fields: {} }))
    .include(health({ live: () => [], ready: notReady }))
}

function targetOf(log: Running): ImportTarget {
  return {
    async stock(items, timestamp = Date.now()) {
      const appended = await Promise.all(
        items.flatMap(({ sku, description, unitPrice, onHand }) => [
          log.append(products, sku, { sku, description, unitPrice }, { timestamp }),
          log.append(warehouseStock, sku, { sku, onHand }, { timestamp }),
        ]),
      )
      const positionOf = (topic: string) =>
        mergePositions(...appended.filter(record => record.topic === topic).map(({ position }) => position))
      const all = { limit: 1, timeoutMs: 60_000 }
      await productsView.find({}, { ...all, minPosition: positionOf(products.name) })
      await stockView.find({}, { ...all, minPosition: positionOf(warehouseStock.name) })
    },
    async place(id, order, timestamp = Date.now()) {
      await log.append(orderCommands, id, order, { timestamp })
    },
    async refuse(key, letter) {
      await log.append(deadLetters, key, letter)
    },
  }
}
