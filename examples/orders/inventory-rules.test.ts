import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StockRequest } from './contracts.ts'
import { noReservation, type OrderInput, reserve } from './inventory-rules.ts'
import { line, order } from './test/fixtures.ts'

const lines = [line('MUGS', 2), line('LAMPS', 1)]
const created: OrderInput = { order: order('o1', lines) }
const failed: OrderInput = { order: order('o1', lines, 'FAILED') }

function granted(sku: string): OrderInput {
  return { answer: { orderId: 'o1', sku, refusal: '' } }
}

function refused(sku: string): OrderInput {
  return { answer: { orderId: 'o1', sku, refusal: 'none left' } }
}

/** Everything that the inputs cause, as text. */
function effectsOf(inputs: OrderInput[]): string[] {
  let state = noReservation()
  return inputs.flatMap(input => {
    state = reserve(state, input, 'o1')
    const requests = state.requests.map(
      ({ kind, sku, quantity }: StockRequest) => `${kind} ${quantity} ${sku}`,
    )
    return [...requests, ...(state.verdict === undefined ? [] : [state.verdict.result])]
  })
}

const ASKED = ['RESERVE 2 MUGS', 'RESERVE 1 LAMPS']

const cases: [name: string, inputs: OrderInput[], effects: string[]][] = [
  ['all granted', [created, granted('MUGS'), granted('LAMPS')], [...ASKED, 'PASS']],
  ['one refused', [created, granted('MUGS'), refused('LAMPS')], [...ASKED, 'FAIL']],
  ['an answer that comes twice counts once', [created, granted('MUGS'), granted('MUGS')], ASKED],
  [
    'a failure puts back what was granted',
    [created, granted('MUGS'), granted('LAMPS'), failed, failed],
    [...ASKED, 'PASS', 'RELEASE 2 MUGS', 'RELEASE 1 LAMPS'],
  ],
  [
    'an answer that the failure overtook puts its pieces back when it comes',
    [created, granted('MUGS'), failed, granted('LAMPS')],
    [...ASKED, 'RELEASE 2 MUGS', 'RELEASE 1 LAMPS'],
  ],
  ['a refusal that the failure overtook has nothing to put back', [created, failed, refused('MUGS')], ASKED],
  ['an answer that nobody asked for is no business of this order', [granted('MUGS')], []],
  ['an order that failed before it was seen asks for nothing', [failed, created], []],
]
for (const [name, inputs, effects] of cases) test(name, () => assert.deepEqual(effectsOf(inputs), effects))
