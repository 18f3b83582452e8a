import type { Product } from '../contracts.ts'

/** What the shop sells. Prices in minor units. */
export const catalogue: readonly Product[] = [
  { sku: 'JUMPERS', description: 'Warm jumper of merino wool', unitPrice: 4950 },
  { sku: 'UNDERPANTS', description: 'Underpants of organic cotton, pack of three', unitPrice: 1800 },
  { sku: 'STOCKINGS', description: 'Knee-high stockings, ribbed', unitPrice: 950 },
  { sku: 'SCARVES', description: 'Long scarf, striped', unitPrice: 2200 },
  { sku: 'MITTENS', description: 'Mittens with a string', unitPrice: 1350 },
  { sku: 'BEANIES', description: 'Beanie, one size', unitPrice: 1500 },
  { sku: 'RAINCOATS', description: 'Yellow raincoat with a hood', unitPrice: 8900 },
  { sku: 'WELLIES', description: 'Rubber boots, green', unitPrice: 5400 },
  { sku: 'UMBRELLAS', description: 'Umbrella that survives a storm', unitPrice: 2750 },
  { sku: 'SLIPPERS', description: 'Felt slippers with a leather sole', unitPrice: 3600 },
]

/** Listed, and there are none in the warehouse. */
const SOLD_OUT_SKU = 'SLIPPERS'

/** Not listed at all: orders with it fail both checks. */
export const UNKNOWN_SKU = 'UNICORNS'

/** Pieces of everything else: more than any run reserves, so that verdicts do not depend on who came first. */
export const OPENING_STOCK = 100_000_000

/** What is listed and in the warehouse when the shop opens. */
export const openingStock = catalogue.map(product => ({
  ...product,
  onHand: product.sku === SOLD_OUT_SKU ? 0 : OPENING_STOCK,
}))
