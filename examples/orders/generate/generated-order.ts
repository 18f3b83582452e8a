/**
 * Order number `index` of a seed: the same pair gives the same order on any day and machine, so a run that was killed
 * can be started again and places exactly what is missing.
 */
import type { PlaceOrder } from '../contracts.ts'
import { catalogue, UNKNOWN_SKU } from './catalogue.ts'
import { seededRandom } from './random.ts'

const LOCATIONS = ['CA', 'NY', 'TX', 'WA', 'UK', 'DE', 'FR', 'JP']

/** One order in so many names a product that nobody sells, or no pieces of it. */
const UNKNOWN_PRODUCT_EVERY = 40
const NO_QUANTITY_EVERY = 50

export function generatedOrder(seed: number, index: number): PlaceOrder {
  const random = seededRandom(seed * 1_000_003 + index)
  const pick = (count: number) => Math.floor(random() * count)
  const lines = Array.from({ length: 1 + pick(3) }, () => {
    const product = catalogue[pick(catalogue.length)]
    if (product === undefined || pick(UNKNOWN_PRODUCT_EVERY) === 0) {
      return { product: UNKNOWN_SKU, quantity: 1, price: 100 }
    }
    const quantity = pick(NO_QUANTITY_EVERY) === 0 ? 0 : 1 + pick(5)
    return { product: product.sku, quantity, price: product.unitPrice }
  })
  return {
    customerId: pick(1000),
    deliveryLocation: LOCATIONS[pick(LOCATIONS.length)] ?? 'CA',
    lines,
  }
}

/** The Idempotency-Key under which the order is placed. */
export function generatedKey(seed: number, index: number): string {
  return `generated-${seed}-${index}`
}
