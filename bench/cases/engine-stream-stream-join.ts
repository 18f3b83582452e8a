import { StreamsBuilder, string } from 'evert'
import { recordBatches } from 'evert/testing'
import { engineCase } from '../harness/engine-case.ts'
import { START_MS, text } from '../harness/orders.ts'

const PAIRS = 150_000
const EVERY_MS = 2
const PAID_AFTER_MS = 10_000

export const benchmark = engineCase({
  description:
    '300 k records of 100 bytes, half orders and half their payments 10 s later, joined within a minute; ' +
    'every pair written',
  build() {
    const builder = new StreamsBuilder()
    builder
      .stream(text('orders'))
      .join(builder.stream(text('payments')), (order, payment) => `${order} ${payment}`, {
        within: { beforeMs: 0, afterMs: 60_000, graceMs: 0 },
        value: string,
      })
      .to(text('paid'))
    return builder
  },
  inputs: () => [sideOf('orders', 0), sideOf('payments', PAID_AFTER_MS)],
  outputs: { paid: PAIRS },
})

function sideOf(name: string, afterMs: number) {
  const records = Array.from({ length: PAIRS }, (_, index) => ({
    key: `order-${index}`,
    value: `{"orderId":"order-${index}","amount":1299}`.padEnd(100, ' '),
    timestamp: START_MS + index * EVERY_MS + afterMs,
  }))
  return [text(name), recordBatches(text(name), records)] as const
}
