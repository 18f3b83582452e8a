/**
 * Orders: the only writer of `orders`. A command becomes the order CREATED, the verdicts of the checks make it
 * VALIDATED or FAILED, and each of these happens once: a command that is sent again, or a verdict that comes late or
 * twice, changes nothing.
 */
import { app } from 'evert'
import {
  CheckType,
  type Order,
  type OrderValidation,
  orderCommands,
  orders,
  orderValidations,
  type PlaceOrder,
} from './contracts.ts'

export const orderService = app('orders')

/** What is known of an order, and the states that the last input brought it to: each of them becomes an event. */
interface Progress {
  order?: Order
  passed: OrderValidation['check'][]
  failures: string[]
  reached: Order['state'][]
}

type Input = { place: PlaceOrder } | { verdict: OrderValidation }

const commands = orderService.stream(orderCommands).map((place): Input => ({ place }))
const verdicts = orderService.stream(orderValidations).map((verdict): Input => ({ verdict }))

commands
  .merge(verdicts)
  .groupByKey()
  .aggregate((): Progress => ({ passed: [], failures: [], reached: [] }), progress)
  .toStream()
  .flatMap(eventsOf)
  .to(orders)

function progress({ order, passed, failures }: Progress, input: Input, id: string): Progress {
  const reached: Order['state'][] = []
  if (order !== undefined && order.state !== 'CREATED') {
    // It is decided: what comes later changes nothing.
  } else if ('verdict' in input) {
    const { check, result, reasons } = input.verdict
    if (result === 'FAIL') failures = [...failures, ...reasons]
    else if (!passed.includes(check)) passed = [...passed, check]
  } else if (order === undefined) {
    order = { ...input.place, id, state: 'CREATED', reasons: [] }
    reached.push('CREATED')
  }
  if (order?.state === 'CREATED') {
    if (failures.length > 0) order = { ...order, state: 'FAILED', reasons: failures }
    else if (passed.length === CheckType.options.length) order = { ...order, state: 'VALIDATED' }
    if (order.state !== 'CREATED') reached.push(order.state)
  }
  return { ...(order && { order }), passed, failures, reached }
}

function eventsOf({ order, reached }: Progress): Order[] {
  if (order === undefined) return []
  return reached.map(state => (state === order.state ? order : { ...order, state, reasons: [] }))
}

/** Every order by its id. */
export const ordersById = orderService.table(orders).view('orders')
