import { StreamsBuilder, json, string, topic } from 'evert'
import { z } from 'zod'

const Product = z.object({ name: z.string(), category: z.string(), sold: z.number() })
export const products = topic('products', { key: string, value: json(Product) })

export const builder = new StreamsBuilder()
const best = builder
  .table(products)
  .groupBy(product => product.category)
  .top(2, { by: product => product.sold })
export const names = best.map(list => list.map(product => product.name).join(', ')).toStream()
