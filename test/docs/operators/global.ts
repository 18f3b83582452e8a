import { StreamsBuilder, json, string, topic } from 'evert'
import { z } from 'zod'

const Product = z.object({ name: z.string(), retired: z.boolean() })
export const products = topic('products', { key: string, value: json(Product) })
export const sales = topic('sales', { key: string, value: string })
export const named = topic('named-sales', { key: string, value: string })

export const builder = new StreamsBuilder()
const names = builder
  .globalTable(products)
  .filter(product => !product.retired)
  .map(product => product.name)
builder
  .stream(sales)
  .joinGlobal(
    names,
    productId => productId,
    (_, name) => name,
  )
  .to(named)
