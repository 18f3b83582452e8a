import { app, type ErrorPolicy, string, topic } from '../../index.ts'

const orders = topic('orders', { key: string, value: string })
const shop = app('shop')

const policies: ErrorPolicy[] = [
  'skip',
  { deadLetter: 'dead' },
  (error, { kind, topic }) =>
    kind === 'production' && topic === 'a' && error instanceof RangeError ? 'skip' : 'fail',
  { deserialization: 'skip', processing: { deadLetter: 'dead' }, production: () => ({ deadLetter: 'dead' }) },
]
shop.stream(orders, { onError: policies[0] as ErrorPolicy })

// @ts-expect-error no such rule
shop.stream(orders, { onError: 'ignore' })
// @ts-expect-error no such kind
shop.stream(orders, { onError: { decoding: 'skip' } })
// @ts-expect-error a handler answers at once
shop.table(orders, { onError: async () => 'skip' as const })
// @ts-expect-error the topic is named
shop.table(orders, { onError: { processing: { deadLetter: orders } } })
