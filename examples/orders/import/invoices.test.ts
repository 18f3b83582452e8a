import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Invoice, invoicesOf, surveyFile } from './invoices.ts'
import type { RefusedLine } from './retail-csv.ts'

const SAMPLE = join(import.meta.dirname, 'retail-sample.csv')

async function read(file: string): Promise<(Invoice | RefusedLine)[]> {
  return Array.fromAsync(invoicesOf(file, await surveyFile(file)))
}

test('a file is surveyed before its first order is placed', async () => {
  const survey = await surveyFile(SAMPLE)
  assert.equal(survey.lines, 12)
  assert.equal(survey.invoices, 3)
  assert.equal(survey.firstTimeMs, Date.parse('2020-01-01T09:00:00Z'))
  assert.deepEqual(Object.fromEntries(survey.products), {
    LAMP: { description: 'LAMP, BRASS', unitPrice: 1300 },
    MUG: { description: 'MUG "TEA"', unitPrice: 105 },
    GIFT: { description: '', unitPrice: 0 },
  })
})

test('lines of an invoice become one order, also where they do not stand together', async () => {
  const invoices = (await read(SAMPLE)).filter(item => item.kind === 'invoice')
  assert.deepEqual(invoices, [
    {
      kind: 'invoice',
      invoiceNo: '1001',
      timeMs: Date.parse('2020-01-01T09:00:00Z'),
      lines: 3,
      order: {
        customerId: 7,
        deliveryLocation: 'France',
        lines: [
          { product: 'LAMP', quantity: 2, price: 1250 },
          { product: 'MUG', quantity: 6, price: 105 },
          { product: 'MUG', quantity: 1, price: 105 },
        ],
      },
    },
    {
      kind: 'invoice',
      invoiceNo: '1002',
      timeMs: Date.parse('2020-01-01T09:05:00Z'),
      lines: 1,
      order: {
        customerId: 8,
        deliveryLocation: 'Japan',
        lines: [{ product: 'LAMP', quantity: 1, price: 1300 }],
      },
    },
    {
      kind: 'invoice',
      invoiceNo: '1009',
      timeMs: Date.parse('2020-01-01T13:00:00Z'),
      lines: 1,
      order: {
        customerId: 7,
        deliveryLocation: 'France',
        lines: [{ product: 'GIFT', quantity: 1, price: 0 }],
      },
    },
  ])
})

test('every line that is not placed is refused with its line number and the reasons', async () => {
  const refused = (await read(SAMPLE)).filter(item => item.kind === 'refused')
  assert.deepEqual(
    refused.map(({ at, reasons }) => [at, ...reasons]),
    [
      [6, 'cancellation', 'negative quantity'],
      [7, 'no customer'],
      [8, 'negative quantity', 'no customer'],
      [9, 'malformed: Quote Not Closed: the parsing is finished with an opening quote'],
      [
        10,
        'malformed: quantity "three" is no whole number up to 100000, ' +
          'price "1.055" is no amount with two decimals up to 100000',
      ],
      [
        11,
        'malformed: 7 columns instead of 8, date "01/01/2020" is no instant in ISO 8601 UTC since 1970, ' +
          'a country needs 1 to 64 characters',
      ],
      [13, 'malformed: another customer than on line 4 of its invoice'],
    ],
  )
  assert.equal(refused[0]?.raw, 'C1003,LAMP,"LAMP, BRASS",-1,2020-01-01T10:00:00Z,12.50,7,France')
})

test('a file that is not of this kind is refused as a whole, in words', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'evert-import-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const file = join(dir, 'x.csv')
  const cases: [string, RegExp][] = [
    ['', /is empty: it needs a header with invoiceNo, stockCode/],
    ['a,b\n1,2\n', /has no column invoiceNo, stockCode.*its header is a, b/],
    ['invoiceNo,stockCode,description,quantity,invoiceDate,unitPrice,country\n', /no column customerId/],
  ]
  for (const [content, message] of cases) {
    writeFileSync(file, content)
    await assert.rejects(read(file), message)
  }
  await assert.rejects(read(join(dir, 'missing.csv')), { code: 'ENOENT' })
})

test('columns may stand in any order, after a byte order mark, with lines of Windows', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'evert-import-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const file = join(dir, 'x.csv')
  writeFileSync(
    file,
    '\uFEFFcountry,customerId,unitPrice,invoiceDate,quantity,description,stockCode,invoiceNo\r\n' +
      'Japan,5,0.1,2020-01-01T09:00Z,2,POT,P1,77\r\n',
  )
  const [invoice] = await read(file)
  assert.deepEqual(invoice, {
    kind: 'invoice',
    invoiceNo: '77',
    timeMs: Date.parse('2020-01-01T09:00Z'),
    lines: 1,
    order: { customerId: 5, deliveryLocation: 'Japan', lines: [{ product: 'P1', quantity: 2, price: 10 }] },
  })
})

test('the header may be written in other ways', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'evert-import-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const file = join(dir, 'x.csv')
  const headers = [
    'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country',
    'INVOICE_NO,stock code,description,QUANTITY,Invoice Date,unit_price,Customer ID,country',
  ]
  for (const header of headers) {
    writeFileSync(file, `${header}\n77,P1,POT,2,2020-01-01T09:00Z,0.1,5,Japan\n`)
    const items = await read(file)
    assert.deepEqual(
      items.map(item => (item.kind === 'invoice' ? item.order : item.reasons)),
      [{ customerId: 5, deliveryLocation: 'Japan', lines: [{ product: 'P1', quantity: 2, price: 10 }] }],
      header,
    )
  }
})

test('an overlong line is refused, cut short, and the next one is placed', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'evert-import-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const file = join(dir, 'x.csv')
  writeFileSync(
    file,
    'invoiceNo,stockCode,description,quantity,invoiceDate,unitPrice,customerId,country\n' +
      `76,P1,${'x'.repeat(3_000_000)},2,2020-01-01T09:00Z,0.1,5,Japan\n` +
      '77,P1,POT,2,2020-01-01T09:00Z,0.1,5,Japan\n',
  )
  const [refused, invoice] = await read(file)
  assert.ok(refused?.kind === 'refused')
  assert.equal(refused.at, 2)
  assert.match(refused.reasons.join(), /^malformed: longer than 65536 characters$/)
  assert.match(refused.raw, /^76,P1,x{500}/)
  assert.ok(refused.raw.length < 2000)
  assert.equal(invoice?.kind === 'invoice' && invoice.invoiceNo, '77')
})
