import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { DeadLetter, PlaceOrder } from '../contracts.ts'
import { type ImportTarget, importFile } from './import-file.ts'

const SAMPLE = join(import.meta.dirname, 'retail-sample.csv')

function recordingTarget() {
  const happened: string[] = []
  const placed = new Map<string, { order: PlaceOrder; timeMs: number }>()
  const refused = new Map<string, DeadLetter>()
  const target: ImportTarget = {
    async stock(items) {
      happened.push(`stock ${items.map(({ sku }) => sku).join(' ')}`)
    },
    async place(id, order, timeMs = 0) {
      happened.push(`place ${id}`)
      placed.set(id, { order, timeMs })
    },
    async refuse(key, letter) {
      happened.push(`refuse ${key}`)
      refused.set(key, letter)
    },
  }
  return { happened, placed, refused, target }
}

test('every line read is placed or refused, and the products are known before the first order', async () => {
  const { happened, placed, refused, target } = recordingTarget()
  const figures = await importFile(SAMPLE, target, { signal: new AbortController().signal })
  assert.equal(happened[0], 'stock LAMP MUG GIFT')
  assert.deepEqual([...placed.keys()], ['invoice-1001', 'invoice-1002', 'invoice-1009'])
  assert.equal(placed.get('invoice-1009')?.timeMs, Date.parse('2020-01-01T13:00:00Z'))
  assert.deepEqual(refused.get('retail-sample.csv:7'), {
    source: 'retail-sample.csv',
    line: 7,
    reasons: ['no customer'],
    input: '1004,MUG,"MUG ""TEA""",3,2020-01-01T11:00:00Z,1.05,,France',
  })
  const { reasons, firstRefused, ...counts } = figures
  assert.deepEqual(
    firstRefused.map(({ at }) => at),
    [6, 7, 8],
  )
  assert.deepEqual(counts, { total: 12, read: 12, placed: 5, refused: 7, orders: 3, allOrders: 3 })
  assert.deepEqual(Object.fromEntries(reasons), {
    cancellation: 1,
    'no customer': 1,
    'negative quantity': 1,
    malformed: 4,
  })
})

test('the signal ends an import between two lines, with figures of what was done', async () => {
  const { placed, refused, target } = recordingTarget()
  const controller = new AbortController()
  const stopping = { ...target, stock: async () => controller.abort() }
  const figures = await importFile(SAMPLE, stopping, { signal: controller.signal })
  assert.deepEqual([placed.size, refused.size, figures.read, figures.total], [0, 0, 0, 12])
})

test('the signal ends an import that still looks through its file', async () => {
  const { happened, target } = recordingTarget()
  const signal = AbortSignal.abort(new Error('stop'))
  await assert.rejects(importFile(SAMPLE, target, { signal }), /stop/)
  assert.deepEqual(happened, [])
})

test('an order that the log does not take ends the import with its error', async () => {
  const { target } = recordingTarget()
  const failing: ImportTarget = {
    ...target,
    place: async () => {
      throw new Error('no disk')
    },
  }
  await assert.rejects(importFile(SAMPLE, failing, { signal: new AbortController().signal }), /no disk/)
})
