import { orders, shop, spent } from './shop.ts'

await using running = await shop.start({
  cluster: process.argv[2] ?? 'file:./data',
  workers: { count: 2, module: new URL('./shop.ts', import.meta.url) },
  signals: true,
})
await running.append(orders, 'order-1', { customer: 'ada', price: 40 })
await running.append(orders, 'order-2', { customer: 'ada', price: 2 })
const { value } = await spent.waitFor('ada', sum => sum === 42)
console.log(value, running.workers.map(({ name }) => name).join())
